package dispatch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
)

func TestATestMessageIsMarkedAndNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got notify.Message
		r := start(t, func(_ context.Context, m notify.Message) error { got = m; return nil }, "#a")
		if note, err := r.Try(t.Context(), target("#a"), delivery("", "").Event); err != nil || note != "" {
			t.Fatal(note, err)
		}
		if !strings.HasPrefix(got.Text, "[test] [Travis-CI]") || got.Spans[0].Text != "[test] " {
			t.Errorf("text is %q, spans are %v", got.Text, got.Spans)
		}
		if got.Address != "#a" || got.Route != "team/r" || len(got.ID) != 32 {
			t.Errorf("sent %+v", got)
		}
		if n := len(r.queue.outcomes()) + len(r.record.attempts); n != 0 {
			t.Errorf("it was settled or recorded like a delivery")
		}
	})
}

func TestATestMessageTellsWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("no such room; I was told " + password)
		r := start(t, func(context.Context, notify.Message) error { return refused }, "#a")
		_, err := r.Try(t.Context(), target("#a"), delivery("", "").Event)
		if err == nil || err.Error() != "no such room; I was told [redacted]" {
			t.Errorf("the service's refusal came back as %v", err)
		}
		if _, err := r.Try(t.Context(), target("#b"), delivery("", "").Event); !errors.Is(err, ErrChannelRemoved) {
			t.Errorf("a channel that is not the route's: %v", err)
		}
		refused = nil
		r.putRoute(&v1alpha1.MessageTemplate{Text: "%{nothing}"}, "#a")
		note, err := r.Try(t.Context(), target("#a"), delivery("", "").Event)
		if err != nil || !strings.Contains(note, `there is no variable "nothing"`) {
			t.Errorf("a template that fails: %q, %v", note, err)
		}
	})
}

func TestATestMessageWaitsForTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		speaking, free := make(chan string, 2), make(chan struct{})
		r := start(t, func(_ context.Context, m notify.Message) error {
			speaking <- m.ID
			<-free
			return nil
		}, "#a")
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		synctest.Wait()
		tried := make(chan error, 1)
		go func() {
			_, err := r.Try(t.Context(), target("#a"), delivery("", "").Event)
			tried <- err
		}()
		synctest.Wait()
		if len(speaking) != 1 {
			t.Errorf("%d messages are under way in one room, want the delivery alone", len(speaking))
		}
		close(free)
		if err := <-tried; err != nil {
			t.Error(err)
		}
	})
}
