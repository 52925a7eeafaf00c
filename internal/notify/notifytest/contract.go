package notifytest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/test/leaks"
)

// patience is the timeout of every wait. It is short in the test of the contract where a wait that ends in vain is
// what shows a bug.
var patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("TRAVISHOOK_CONTRACT_PATIENCE")); err == nil {
		return d
	}
	return 30 * time.Second
}()

// Run tests h's service against the contract. After each part everything that it opened must be closed.
func Run(t *testing.T, h Harness) {
	run := func(name string, part func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			leaks.Check(t)
			part(t)
		})
	}
	run("documents itself", func(t *testing.T) { describes(t, h.Service()) })
	run("refuses invalid accounts", func(t *testing.T) { refusesAccounts(t, h) })
	run("refuses invalid addresses", func(t *testing.T) { refusesAddresses(t, h) })
	run("normalizes addresses", func(t *testing.T) { normalizesAddresses(t, h) })
	run("delivers", func(t *testing.T) { delivers(t, h) })
	run("uses the account's proxy", func(t *testing.T) { usesProxy(t, h) })
	run("delivers to many channels concurrently", func(t *testing.T) { deliversAtOnce(t, h) })
	run("updates as it declares", func(t *testing.T) { updates(t, h) })
	run("shows the failed jobs", func(t *testing.T) { showsJobs(t, h) })
	run("is silent as it declares", func(t *testing.T) { silences(t, h) })
	run("validates ids of people", func(t *testing.T) { validatesPeople(t, h) })
	run("mentions as it declares", func(t *testing.T) { mentions(t, h) })
	run("refuses updates of what is gone", func(t *testing.T) { refusesGone(t, h) })
	run("replies to the channel where a thread is locked", func(t *testing.T) { repliesElsewhere(t, h) })
	run("escapes hostile text", func(t *testing.T) { escapes(t, h) })
	run("returns when its context ends", func(t *testing.T) { obeysContext(t, h) })
	run("sends nothing after its context ended", func(t *testing.T) { refusesEndedContext(t, h) })
	run("checks the credential without sending", func(t *testing.T) { checksCredential(t, h) })
	run("covers every kind of error", func(t *testing.T) { coversKinds(t, h) })
	for _, f := range h.Faults() {
		run("fault/"+f.Name, func(t *testing.T) { reportsFault(t, h, f) })
	}
}

func delivers(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	m := message("1", c.address(t, 0))
	if err := c.notify(t, m); err != nil {
		t.Fatalf("Notify: %v", err)
	}
	got := c.account.Received(t, 1)
	if len(got) != 1 {
		t.Fatalf("one message was sent, %d arrived", len(got))
	}
	checkArrived(t, m, got[0])
}

// checkArrived compares what arrived with what was sent. Services format the text differently, so only
// its important words are checked.
func checkArrived(t *testing.T, sent notify.Message, got Received) {
	t.Helper()
	if got.Address != sent.Address {
		t.Errorf("arrived at %q, sent to %q", got.Address, sent.Address)
	}
	if got.ID != "" && got.ID != sent.ID {
		t.Errorf("idempotency key %q, want %q", got.ID, sent.ID)
	}
	for _, word := range []string{sent.Event.Repository.Slug(), sent.Event.Build.Number} {
		if !strings.Contains(got.Text, word) {
			t.Errorf("%q is not in what arrived: %q", word, got.Text)
		}
	}
}

func deliversAtOnce(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	if len(c.account.Addresses) < 2 {
		t.Fatal("the harness must have two addresses or more")
	}
	const each = 5
	var wg sync.WaitGroup
	for i := range c.account.Addresses {
		address := c.address(t, i)
		wg.Go(func() { // never two at a time for one address, as Notifier promises
			for n := range each {
				if _, err := c.notifier.Notify(t.Context(), message(fmt.Sprint(i*each+n), address)); err != nil {
					t.Errorf("address %d, message %d: %v", i, n, err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	total := each * len(c.account.Addresses)
	got := c.account.Received(t, total)
	if len(got) != total {
		t.Errorf("%d messages were sent, %d arrived", total, len(got))
	}
	count := map[string]int{}
	for _, r := range got {
		count[r.Address]++
	}
	for n := range c.account.Addresses {
		if address := c.address(t, n); count[address] != each {
			t.Errorf("%q got %d messages, want %d", address, count[address], each)
		}
	}
}

func escapes(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	n := 0
	for _, text := range hostile {
		for _, with := range []func(*notify.Message, string){poison, bare} {
			m := message(fmt.Sprint(n), c.address(t, 0))
			if with(&m, text.text); m.Text == "" {
				continue // the dispatcher sends the default text instead
			}
			if err := c.notify(t, m); err != nil {
				t.Errorf("%s: Notify: %v", text.name, err)
				return
			}
			got := c.account.Received(t, n+1)
			if len(got) != n+1 {
				t.Errorf("%s: %d messages arrived in place of one", text.name, len(got)-n)
				return
			}
			if err := h.CheckShown(m, got[n]); err != nil {
				t.Errorf("%s: %v", text.name, err)
			}
			checkNotifies(t, got[n], Received{})
			n++
		}
	}
}

func obeysContext(t *testing.T, h Harness) {
	account, reached := h.Hang(t)
	c := newClient(t, h, account)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := message("1", c.address(t, 0))
	result := make(chan error, 1)
	go func() { result <- sendOnly(c.notifier.Notify(ctx, m)) }()
	await(t, reached, "no connection came to the server that hangs")
	select {
	case err := <-result:
		t.Fatalf("Notify returned %v before the server had answered", err)
	default:
	}
	cancel()
	select {
	case err := <-result:
		if err == nil {
			t.Fatal("Notify returned nil, though the server had confirmed nothing")
		}
		if k := KindOf(err); k != Retry && k != AnswerLost {
			t.Errorf("an attempt that was called off is %q: %v", k, err)
		}
		c.checkSecrets(t, err)
	case <-time.After(patience):
		t.Fatal("Notify did not return when its context was canceled")
	}
}

func refusesEndedContext(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.notifier.Notify(ctx, message("1", c.address(t, 0))); err == nil {
		t.Error("Notify returned nil with a context that had ended")
	}
	if err := c.notify(t, message("2", c.address(t, 0))); err != nil {
		t.Errorf("the next Notify: %v", err)
	}
}

func coversKinds(t *testing.T, h Harness) {
	for _, k := range Kinds {
		reason, excused := h.Cannot()[k]
		shown := slices.ContainsFunc(h.Faults(), func(f Fault) bool { return f.Want == k })
		switch {
		case excused && shown:
			t.Errorf("%q is both shown by a fault and excused", k)
		case excused && reason == "":
			t.Errorf("%q is excused without a reason", k)
		case !excused && !shown:
			t.Errorf("no fault shows %q", k)
		}
	}
}

func reportsFault(t *testing.T, h Harness, f Fault) {
	c := newClient(t, h, f.Arrange(t))
	m := message("1", c.address(t, 0))
	checkFault(t, f, c.notify(t, m))
	if can := c.capable(m.Address); can.Updates() && c.account.Handle != "" && f.Want != Permanent {
		c = newClient(t, h, f.Arrange(t))
		m.Update = &notify.Update{Handle: c.account.Handle, Thread: !can.Edit}
		checkFault(t, f, c.notify(t, m))
	}
}

func checkFault(t *testing.T, f Fault, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("Notify returned nil")
	}
	if got := KindOf(err); got != f.Want {
		t.Errorf("kind %q, want %q: %v", got, f.Want, err)
	}
	if wait, _ := notify.RetryAfterOf(err); wait != f.Wait {
		t.Errorf("asks to wait %v, want %v", wait, f.Wait)
	}
	if !strings.Contains(err.Error(), f.Says) {
		t.Errorf("%q is not in the error: %v", f.Says, err)
	}
}

func await(t *testing.T, c <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal(otherwise)
	}
}
