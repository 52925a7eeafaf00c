package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
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
