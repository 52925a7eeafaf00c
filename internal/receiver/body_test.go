package receiver

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// largeBody returns a body of which LargeBody bytes were read, and which stays readable.
func largeBody(decoders chan struct{}) *body {
	return &body{
		source: strings.NewReader(strings.Repeat("x", LargeBody)), deadline: func(time.Time) {}, began: time.Now(),
		read: LargeBody, holding: newShares(MaxReading).take(address(1), readingBase, func() {}), decoders: decoders,
	}
}

func TestLargeBodiesTakeTurnsToDecode(t *testing.T) {
	if got, want := cap(newDecoders()), max(1, runtime.GOMAXPROCS(0)-1); got != want {
		t.Errorf("%d are decoded at once, want %d: one processor is for small bodies", got, want)
	}
	synctest.Test(t, func(t *testing.T) {
		decoders := make(chan struct{}, 1)
		first, second, small := largeBody(decoders), largeBody(decoders), largeBody(decoders)
		small.read = 0
		read := func(b *body) <-chan struct{} {
			done := make(chan struct{})
			go func() {
				_, _ = b.Read(make([]byte, 100))
				close(done)
			}()
			synctest.Wait()
			return done
		}
		<-read(first)
		waits := read(second)
		select {
		case <-waits:
			t.Error("two large bodies are decoded at once")
		default:
		}
		<-read(small)
		first.yieldDecoder()
		<-waits
	})
}
