package app

import (
	"context"
	"crypto/rsa"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/verify/keysource"
)

var accepting = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })

// A webhook that arrives while the operator starts is accepted when it has started.
func TestAWebhookWaitsForTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newEarlyServer()
		answer := postEarly(t, s)
		time.Sleep(time.Second)
		s.handle(accepting)
		time.Sleep(time.Second)
		synctest.Wait()
		select {
		case code := <-answer:
			t.Fatalf("answered %d before the routes are known", code)
		default:
		}
		s.start()
		if code := <-answer; code != http.StatusAccepted {
			t.Errorf("answered %d", code)
		}
	})
}

// If the start takes long, or fails, the webhook is answered before its sender gives up.
func TestAWebhookDoesNotWaitForever(t *testing.T) {
	for name, end := range map[string]func(*earlyServer){
		"slow start":   func(*earlyServer) { time.Sleep(startWait) },
		"failed start": func(s *earlyServer) { s.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newEarlyServer()
				answer := postEarly(t, s)
				synctest.Wait()
				end(s)
				if code := <-answer; code != http.StatusServiceUnavailable {
					t.Errorf("answered %d", code)
				}
			})
		})
	}
}

// A webhook that nothing can verify yet is not answered as soon as its routes are known.
func TestAWebhookWaitsForTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changed := make(chan struct{}, 1)
		keys, err := keysource.New(keysource.Options{Keys: []keysource.Key{{Name: "travis"}}, Changed: func() { changed <- struct{}{} }})
		if err != nil {
			t.Fatal(err)
		}
		p := &pipeline{keys: keys, keysChanged: changed, recompile: func() {}, reportKeys: func(*keysource.Keys) {}, receiver: newEarlyServer()}
		p.receiver.handle(accepting)
		go p.followKeys(t.Context())
		begin, answer := time.Now(), postEarly(t, p.receiver)
		p.complete.Store(true)
		p.startReceiving()
		synctest.Wait()
		select {
		case code := <-answer:
			t.Fatalf("answered %d before a key is known", code)
		default:
		}
		keys.Set("travis", &rsa.PublicKey{N: big.NewInt(1), E: 65537})
		if <-answer; time.Since(begin) > 0 {
			t.Errorf("answered %s after the key was known", time.Since(begin))
		}
	})
}

// A start that failed waits for nobody who keeps a connection open.
func TestAFailedStartWaitsForNobody(t *testing.T) {
	s, release := servingSlowly(t, time.Hour)
	defer release()
	if err := (&Operator{receiver: s}).Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Webhooks that were cut off are reported once.
func TestACutOffWebhookIsReportedOnce(t *testing.T) {
	s, release := servingSlowly(t, time.Millisecond)
	defer release()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := (&Operator{receiver: s, mgr: running{run: s.Serve}, log: logr.Discard()}).Run(ctx)
	if err == nil || strings.Count(err.Error(), "cut off") != 1 {
		t.Errorf("Run returns %v", err)
	}
}

// running is a manager of one runnable.
type running struct {
	ctrl.Manager
	run func(context.Context) error
}

func (r running) Start(ctx context.Context) error { return r.run(ctx) }

// servingSlowly returns a server that is answering a request until release is called.
func servingSlowly(t *testing.T, drain time.Duration) (s *earlyServer, release func()) {
	t.Helper()
	s = newEarlyServer()
	began, released := make(chan struct{}), make(chan struct{})
	s.handle(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(began)
		<-released
	}))
	s.start()
	if err := s.listen(receiver.ServerOptions{Address: "127.0.0.1:0", Drain: drain, Log: logr.Discard()}); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST /travis HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-began
	return s, func() {
		close(released)
		_ = conn.Close()
	}
}

// postEarly returns a channel that receives the answer's code.
func postEarly(t *testing.T, s *earlyServer) <-chan int {
	t.Helper()
	answer := make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/travis", http.NoBody))
		answer <- w.Code
	}()
	return answer
}
