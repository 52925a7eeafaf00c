package notify_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
)

// endingSession is a session that the server ends after a while.
type endingSession struct{ done chan struct{} }

func endAfter(d time.Duration) *endingSession {
	s := &endingSession{make(chan struct{})}
	time.AfterFunc(d, func() { close(s.done) })
	return s
}

func (s *endingSession) Run(context.Context) error {
	<-s.done
	return errors.New("the server closed the connection")
}

func (s *endingSession) Ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// A login is not enough to be tried again at once: a server that drops each connection after it would have the
// key derived again and again.
func TestSessionsThatEndSoonBackOff(t *testing.T) {
	soon := func(int) time.Duration { return time.Millisecond }
	for name, test := range map[string]struct {
		lasts    func(session int) time.Duration
		confirms bool // a message
		want     []int
	}{
		"dropped after the login": {soon, false, []int{0, 1, 3, 7, 15, 31, 61, 91}},
		"dropped after a message": {soon, true, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		"one lasts": {func(session int) time.Duration {
			if session == 5 {
				return 61 * time.Second
			}
			return time.Millisecond
		}, false, []int{0, 1, 3, 7, 15, 31, 92, 93, 95}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var opened []int
				k := notify.Keep(func(context.Context) (*endingSession, error) {
					opened = append(opened, int(time.Since(begun).Seconds()))
					return endAfter(test.lasts(len(opened) - 1)), nil
				}, notify.KeepOptions{Open: time.Minute, Backoff: time.Second, MaxBackoff: 30 * time.Second, Log: logr.Discard()})
				for len(opened) < len(test.want) {
					_, err := k.Session(t.Context())
					if err != nil && !errors.Is(err, notify.ErrEndsSoon) {
						t.Fatal(err)
					}
					if err == nil && test.confirms {
						k.ResetBackoff()
					}
					time.Sleep(100 * time.Millisecond)
				}
				if diff := cmp.Diff(test.want, opened); diff != "" {
					t.Error(diff)
				}
				if err := k.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestNoSessionIsOpenedAfterClose: Close waits for the sessions, and another one would outlive it.
func TestNoSessionIsOpenedAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		k := notify.Keep(func(context.Context) (*endingSession, error) {
			opened++
			return endAfter(time.Millisecond), nil
		}, notify.KeepOptions{Open: time.Minute, Backoff: time.Second, MaxBackoff: 30 * time.Second, Log: logr.Discard()})
		if _, err := k.Session(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		if _, err := k.Session(t.Context()); !errors.Is(err, notify.ErrClosed) {
			t.Errorf("a session after Close: %v", err)
		}
		synctest.Wait()
		if opened != 1 {
			t.Errorf("%d sessions were opened", opened)
		}
	})
}
