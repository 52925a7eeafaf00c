package xmpp

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"mellium.im/xmpp/jid"

	"github.com/travishook/travishook/internal/notify"
)

func TestConnectionAttemptsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var dials []time.Duration
		n := newNotifier(account{jid: jid.MustParse("ci@xmpp.test"), server: "xmpp.test:5222"}, notify.Deps{
			Dial: func(context.Context, string, string) (net.Conn, error) {
				dials = append(dials, time.Since(begun))
				return nil, errors.New("connection refused")
			},
			Log: logr.Discard(),
		}, defaultTiming)
		defer func() { _ = n.Close() }()
		for time.Since(begun) < 4*time.Minute {
			if _, err := n.Notify(t.Context(), message(1, builds)); err == nil || notify.IsPermanent(err) {
				t.Fatalf("got %v, want a retryable error", err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		var want []time.Duration
		for _, seconds := range []int{0, 1, 3, 7, 15, 31, 63, 123, 183} {
			want = append(want, time.Duration(seconds)*time.Second)
		}
		if diff := cmp.Diff(want, dials); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCloseEndsAnAttemptToConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNotifier(account{jid: jid.MustParse("ci@xmpp.test"), server: "xmpp.test:5222"}, notify.Deps{
			Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
			Log: logr.Discard(),
		}, defaultTiming)
		result := make(chan error, 1)
		go func() { _, err := n.Notify(t.Context(), message(1, builds)); result <- err }()
		synctest.Wait()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := <-result; !errors.Is(err, notify.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAPanicWhileConnectingIsRetryable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNotifier(account{jid: jid.MustParse("ci@xmpp.test"), server: "xmpp.test:5222"}, notify.Deps{
			Dial: func(context.Context, string, string) (net.Conn, error) { panic("what the server sent") },
			Log:  logr.Discard(),
		}, defaultTiming)
		defer func() { _ = n.Close() }()
		if _, err := n.Notify(t.Context(), message(1, builds)); err == nil || notify.IsPermanent(err) {
			t.Errorf("got %v, want a retryable error", err)
		}
	})
}
