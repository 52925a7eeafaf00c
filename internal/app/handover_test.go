package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/travishook/travishook/internal/deliveryapi/server"
	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// handedOver opens a store that another process has open.
type handedOver struct {
	opening opening
	done    chan error

	mu      sync.Mutex
	answer  error // of the next attempt to open
	unknown error // why no webhook can be verified yet
}

// Run implements signingKeys.
func (h *handedOver) Run(context.Context) error { return nil }

// Ready implements signingKeys.
func (h *handedOver) Ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unknown
}

// knows sets whether webhooks can be verified.
func (h *handedOver) knows(unknown error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unknown = unknown
}

// answers sets the answer.
func (h *handedOver) answers(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = err
}

func (h *handedOver) attempt(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answer
}

// open begins to open it.
func open(ctx context.Context, answer error) *handedOver { return openWithout(ctx, nil, answer) }

// openWithout begins to open it without a key to verify webhooks with, if unknown is not nil.
func openWithout(ctx context.Context, unknown, answer error) *handedOver {
	h := &handedOver{opening: opening{log: logr.Discard(), report: unreported}, answer: answer, unknown: unknown, done: make(chan error, 1)}
	h.opening.takeOver = func() (signingKeys, error) { return h, nil }
	opening, cancel := h.opening.outlast(ctx)
	go func() {
		defer cancel()
		h.done <- h.opening.run(opening, h.attempt)
	}()
	return h
}

func inUse(stopping bool) error {
	return fmt.Errorf("open: %w", &embedded.InUseError{Stopping: stopping})
}

// expect compares whether the operator is ready.
func (h *handedOver) expect(t *testing.T, when string, ready bool) {
	t.Helper()
	synctest.Wait()
	if h.opening.holds() != ready {
		t.Errorf("%s: ready %t, want %t", when, !ready, ready)
	}
}

// A new pod must be ready, or the old one is not stopped; and it stays ready until it accepts webhooks.
func TestTheOperatorIsReadyWhileItTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t.Context(), inUse(false))
		h.expect(t, "the other serves", true)
		time.Sleep(handoverPatience / 2)
		h.answers(inUse(true))
		time.Sleep(handoverPatience * 2)
		h.expect(t, "the other has been stopping for long", true)
		h.answers(nil)
		if err := <-h.done; err != nil {
			t.Fatal(err)
		}
		h.expect(t, "the store is open", true)
		p := &pipeline{holds: h.opening.holds}
		if err := p.readyz(nil); err != nil {
			t.Errorf("not ready while it holds webhooks: %v", err)
		}
		time.Sleep(handoverGrace)
		if err := p.readyz(nil); err == nil {
			t.Error("ready although the routing table is not complete")
		}
	})
}

// A new version that cannot verify webhooks is not ready, so that the other is not stopped, unless that stops anyway.
func TestTheOperatorIsReadyToTakeOverWhenItKnowsAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openWithout(t.Context(), errors.New("signing keys are not known yet (com: it cannot be reached)"), inUse(false))
		time.Sleep(time.Hour)
		h.expect(t, "no key is known", false)
		const want = "another process has the store open, and keeps it until this one could verify webhooks: " +
			"signing keys are not known yet (com: it cannot be reached)"
		if got := h.opening.why(); got != want {
			t.Errorf("the reason is %q, want %q", got, want)
		}
		h.knows(nil)
		time.Sleep(handoverPoll)
		h.expect(t, "a key is known", true)
		time.Sleep(handoverPatience)
		h.expect(t, "the other stays", false)
		h.answers(nil)
		if err := <-h.done; err != nil {
			t.Fatal(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		h := openWithout(t.Context(), errors.New("not known"), inUse(true))
		h.expect(t, "the other stops without being replaced", true)
		if got, want := h.opening.why(), "another process has the store open, and is about to close it"; got != want {
			t.Errorf("the reason is %q, want %q", got, want)
		}
		h.answers(nil)
		if err := <-h.done; err != nil {
			t.Fatal(err)
		}
	})
}

// The keys that the settings have URLs of are fetched; one of another kind is enough to take over.
func TestTheKeysOfASuccessor(t *testing.T) {
	travis := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"config": map[string]any{"notifications": map[string]any{
			"webhook": map[string]any{"public_key": travistest.PEM(travistest.Key())},
		}}})
	}))
	defer travis.Close()
	missing := httptest.NewServer(http.NotFoundHandler())
	defer missing.Close()
	fetched, wrong := settings.Key{Name: "com", URL: travis.URL}, settings.Key{Name: "wrong", URL: missing.URL}
	for name, test := range map[string]struct {
		keys []settings.Key
		want string // "" if it takes over
	}{
		"no key":            {},
		"a URL":             {keys: []settings.Key{fetched}},
		"a URL of two":      {keys: []settings.Key{fetched, wrong}},
		"a wrong URL":       {keys: []settings.Key{wrong}, want: "wrong: it answered 404 instead of 200"},
		"one in a Secret":   {keys: []settings.Key{wrong, {Name: "own", Secret: &settings.ObjectKey{Name: "own", Key: "key"}}}},
		"one in the values": {keys: []settings.Key{wrong, {Name: "own", PEM: travistest.PEM(travistest.Key())}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings.Default()
			s.Store.Directory, s.Trust.Keys = t.TempDir(), test.keys
			keys, err := takeOver(s, logr.Discard())
			if err != nil {
				t.Fatal(err)
			}
			var running sync.WaitGroup
			defer running.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			running.Go(func() { _ = keys.Run(ctx) })
			for {
				err := keys.Ready()
				if err == nil && test.want == "" || err != nil && test.want != "" && strings.Contains(err.Error(), test.want) {
					return
				}
				select {
				case <-ctx.Done():
					t.Fatalf("ready: %v, want %q", err, test.want)
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
}

// A second pod that replaces no other takes no webhooks, which it could not store, but goes on waiting.
func TestTheOperatorIsNotReadyIfTheOtherStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t.Context(), inUse(false))
		time.Sleep(handoverPatience)
		h.expect(t, "the other stays", false)
		const want = "another process has the store open, and does not stop: only one pod can use the embedded store"
		if got := h.opening.why(); got != want {
			t.Errorf("the reason is %q, want %q", got, want)
		}
		time.Sleep(time.Hour)
		h.expect(t, "an hour later", false)
		h.answers(inUse(true))
		time.Sleep(handoverPoll)
		h.expect(t, "the other stops at last", true)
		h.answers(errors.New("broken"))
		if err := <-h.done; err == nil || err.Error() != "broken" {
			t.Errorf("opening ended with %v", err)
		}
	})
}

// Each reason why a pod that waits is not ready becomes an Event once. An upgrade without a problem has none.
func TestAPodThatWaitsSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reported := make(chan string, 10)
		h := &handedOver{opening: opening{log: logr.Discard(), report: unreported}, answer: inUse(false), done: make(chan error, 1)}
		h.opening.takeOver = func() (signingKeys, error) { return h, nil }
		h.opening.report = func(reason string) { reported <- reason }
		go func() { h.done <- h.opening.run(t.Context(), h.attempt) }()
		time.Sleep(handoverPatience - time.Second)
		synctest.Wait()
		if len(reported) > 0 {
			t.Errorf("an upgrade that takes its time is reported as %q", <-reported)
		}
		time.Sleep(time.Hour)
		h.answers(inUse(true))
		time.Sleep(time.Minute)
		h.answers(nil)
		if err := <-h.done; err != nil {
			t.Fatal(err)
		}
		const want = "another process has the store open, and does not stop: only one pod can use the embedded store"
		if got, more := <-reported, len(reported); got != want || more > 0 {
			t.Errorf("it reports %q and %d more, want %q", got, more, want)
		}
	})
}

// One that is told to stop while it waits gets no more webhooks, but still answers those that it holds.
func TestTheOperatorGoesOnWaitingWhenItIsToldToStop(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration // the other has closed the store
		want  error
	}{
		"the other stops in time": {handoverStop - time.Second, nil},
		"the other does not stop": {handoverStop + time.Second, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				h := open(ctx, inUse(true))
				h.expect(t, "it waits", true)
				defer time.AfterFunc(test.after, func() { h.answers(nil) }).Stop()
				stop()
				h.expect(t, "it is told to stop", false)
				if err := <-h.done; !errors.Is(err, test.want) {
					t.Errorf("opening ended with %v, want %v", err, test.want)
				}
				h.expect(t, "opening has ended", false)
			})
		})
	}
}

// One that holds no webhooks stops at once.
func TestTheOperatorStopsAtOnceIfItHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		o := &opening{log: logr.Discard(), report: unreported}
		opening, cancel := o.outlast(ctx)
		defer cancel()
		began := time.Now()
		stop()
		<-opening.Done()
		running, cancel := (&Operator{}).untilAnswered(ctx)
		defer cancel()
		<-running.Done()
		if took := time.Since(began); took != 0 {
			t.Errorf("it stops after %s", took)
		}
	})
}

// One that is told to stop while it holds webhooks runs until they can be answered, for a while.
func TestTheOperatorRunsUntilItCanAnswerWhatItHolds(t *testing.T) {
	for name, test := range map[string]struct{ starts, want time.Duration }{
		"it starts":         {time.Second, time.Second},
		"it started before": {0, 0},
		"it cannot start":   {time.Hour, handoverGrace},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				o := &Operator{receiver: newEarlyServer(), held: true}
				running, cancel := o.untilAnswered(ctx)
				defer cancel()
				began := time.Now()
				defer time.AfterFunc(test.starts, o.receiver.start).Stop()
				synctest.Wait()
				stop()
				<-running.Done()
				if took := time.Since(began); took != test.want {
					t.Errorf("it is stopped after %s, want %s", took, test.want)
				}
			})
		})
	}
}

// One that was killed did not say that it stops.
func TestTheOperatorIsReadyAfterTheOtherWasKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t.Context(), inUse(false))
		time.Sleep(handoverPatience * 2)
		h.expect(t, "the other stays", false)
		h.answers(nil)
		if err := <-h.done; err != nil {
			t.Fatal(err)
		}
		h.expect(t, "the store is open", true)
	})
}

// An operator that replaces no other is ready when it accepts webhooks, so that an installation does not seem to work
// before it does.
func TestAnOperatorThatIsAloneHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t.Context(), nil)
		if err := <-h.done; err != nil {
			t.Fatal(err)
		}
		h.expect(t, "the store is open", false)
	})
}

// The probes are answered as soon as the operator waits: the rollout depends on it.
func TestTheProbesAreAnsweredWhileTheOtherHasTheStoreOpen(t *testing.T) {
	s := settings.Default()
	s.Probes.Address = freeAddress(t)
	first := true
	takeOver := func() (signingKeys, error) { return &handedOver{}, nil }
	err := (&opening{settings: s, log: logr.Discard(), report: unreported, takeOver: takeOver}).run(t.Context(), func(context.Context) error {
		if first {
			first = false
			return inUse(false)
		}
		if got := awaitAnswer(t, "http://"+s.Probes.Address+"/readyz"); got != http.StatusOK {
			t.Errorf("the readiness probe is answered %d", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// embeddedStop is what stopping takes at most with the embedded store, after the receiver's linger time.
const embeddedStop = dispatch.StopTimeout + embeddedDrain + 2*server.ShutdownTimeout + embeddedCloseTimeout

// A pod that is told to stop while it waits is not killed before it has answered what it holds.
func TestThePodIsGivenTheTimeToAnswerWhatItHolds(t *testing.T) {
	if most := handoverStop + handoverGrace + embeddedStop; most > stopTimeout {
		t.Errorf("it may take %s, and is given %s", most, stopTimeout)
	}
}

// Webhooks that a new process holds must outlast the stop of the old one, and Travis must not give up meanwhile.
func TestAHeldWebhookOutlastsTheStopOfTheOther(t *testing.T) {
	const opens = 5 * time.Second
	if least := settings.MaxEmbeddedLinger + embeddedStop + opens; startWait < least {
		t.Errorf("a webhook waits %s, and the other process may take %s", startWait, least)
	}
	if startWait >= receiver.WriteTimeout {
		t.Errorf("a webhook waits %s, and is cut off after %s", startWait, receiver.WriteTimeout)
	}
}

// The mark on the lease is read when no other process can write it any more.
func TestTheKnownMarkIsReadUnderTheLock(t *testing.T) {
	s := settings.Default()
	s.Store.Directory = t.TempDir()
	read := false
	store, err := openStore(t.Context(), s, &embedded.Line{Dir: s.Store.Directory}, func() *wal.HighWater {
		read = true
		var other *embedded.InUseError
		if _, err := embedded.TryLock(s.Store.Directory); !errors.As(err, &other) {
			t.Errorf("the store is not locked: %v", err)
		}
		return nil
	}, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	if !read {
		t.Error("the mark was not read")
	}
	if err := store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// One that cannot open the store does not wait for it: it would be ready, and the other would be stopped.
func TestWhatCannotOpenTheStoreDoesNotWaitForIt(t *testing.T) {
	for name, test := range map[string]struct {
		mark    string
		maxSize string
		want    string // "" if it waits
	}{
		"this version":          {mark: "standalone 1"},
		"a damaged mark":        {mark: "\x00\x00"},
		"a newer version":       {mark: "standalone 2", want: "written by a newer version of travishook"},
		"a cluster's directory": {mark: "cluster", want: `store of a "cluster" server`},
		"a limit that is small": {mark: "standalone 1", maxSize: "1Ki", want: "it must be at least"},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings.Default()
			s.Store.Directory, s.Trust.Keys = t.TempDir(), nil
			if test.maxSize != "" {
				s.Store.MaxSize = resource.MustParse(test.maxSize)
			}
			lock, err := embedded.TryLock(s.Store.Directory)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = lock.Release() }()
			if err := os.WriteFile(filepath.Join(s.Store.Directory, "topology"), []byte(test.mark), 0o600); err != nil {
				t.Fatal(err)
			}
			o := &opening{log: logr.Discard(), report: unreported, takeOver: func() (signingKeys, error) { return takeOver(s, logr.Discard()) }}
			ctx, cancel := context.WithTimeout(t.Context(), 10*handoverPoll)
			defer cancel()
			err = o.run(ctx, func(ctx context.Context) error {
				_, err := openStore(ctx, s, &embedded.Line{Dir: s.Store.Directory}, nil, logr.Discard())
				return err
			})
			if waits := errors.Is(err, context.DeadlineExceeded); waits != (test.want == "") || !waits && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if ready := o.holds(); ready != (test.want == "") {
				t.Errorf("ready %t", ready)
			}
		})
	}
}
