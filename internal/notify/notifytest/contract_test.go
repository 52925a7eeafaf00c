package notifytest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/text"
)

const (
	bugVariable = "TRAVISHOOK_CONTRACT_BUG"
	password    = "correct-horse-battery"
)

// TestContractFindsBugs runs the contract over a service with one bug at a time, in a process
// of its own since it must fail there, and looks for the complaint.
func TestContractFindsBugs(t *testing.T) {
	for bug, complaint := range map[string]string{
		"none":              "PASS",
		"secret-in-error":   "a secret shows in the error",
		"secret-in-log":     "a secret shows in the log",
		"secret-in-address": "a secret shows in the address",
		"wrong-kind":        `kind "retry", want "permanent"`,
		"wrong-wait":        "asks to wait 1s, want 5s",
		"silent-error":      `"come back later" is not in the error`,
		"swallows-error":    "Notify returned nil",
		"sends-twice":       "one message was sent, 2 arrived",
		"wrong-room":        "sent to",
		"wrong-id":          "idempotency key",
		"no-text":           "is not in what arrived",
		"second-line":       "a second line",
		"leaks-goroutine":   "found unexpected goroutines",
		"leaks-file":        "left open:",
		"takes-any-address": "returned",
		"takes-any-account": "was not refused",
		"unstable-address":  "and of that",
		"answers-early":     "the server had",
		"ends-permanently":  `an attempt that was called off is "permanent"`,
		"hides-a-kind":      `no fault shows "bad credential"`,
		"no-documentation":  "is not documented by a sentence",
		"no-form":           "declares no form",
		"no-handle":         "no handle, and the service declares",
		"posts-anew":        "edits message 0 and answers 0, want 1 and 0",
		"no-thread":         "edits message 0 and answers 0, want 0 and 1",
		"no-reply":          "messages arrived, want",
		"replies-nowhere":   "edits message 0 and answers 1, want 0 and 0",
		"no-note":           "and a note about the reply",
		"edits-the-gone":    "want an error marked by Gone",
		"declares-less":     "declares that no message can be updated",
		"secret-in-handle":  "a secret shows in the handle",
		"no-jobs":           `the failed job "unit tests" is not named once`,
		"never-silent":      "arrived silently: false, want true",
		"always-silent":     "arrived silently: true, want false",
		"never-mentions":    `mentions [], want ["ada"]`,
		"mentions-all":      `mentions ["everyone"], want []`,
		"mentions-in-edits": `mentions ["ada"], want []`,
		"mentions-the-left": `mentions ["gone"], want []`,
		"takes-any-person":  `Person("@here") returned "@here"`,
		"no-persons":        "validates ids of people: false",
		"no-proxy":          "the proxy was not used",
	} {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBuggyService$", "-test.v")
			cmd.Env = append(os.Environ(), bugVariable+"="+bug)
			if bug == "no-reply" { // found by waiting for the reply
				cmd.Env = append(cmd.Env, "TRAVISHOOK_CONTRACT_PATIENCE=2s")
			}
			out, err := cmd.CombinedOutput()
			if failed := err != nil; failed != (bug != "none") || !strings.Contains(string(out), complaint) {
				t.Errorf("%v, and %q was to be in\n%s", err, complaint, out)
			}
		})
	}
}

// leaked keeps a file from being closed as garbage.
var leaked *os.File

var leak = sync.OnceFunc(func() { leaked, _ = os.Open(os.DevNull) })

// TestBuggyService is what TestContractFindsBugs runs.
func TestBuggyService(t *testing.T) {
	bug := os.Getenv(bugVariable)
	if bug == "" {
		t.Skip("only with a bug, by TestContractFindsBugs")
	}
	notifytest.Run(t, harness{bug: bug})
}

// harness is the harness of an in-memory service. Its config selects how the server behaves.
type harness struct{ bug string }

func (h harness) is(bug string) bool { return h.bug == bug }

func (h harness) Service() notify.Service {
	doc := "The password of the account."
	if h.is("no-documentation") {
		doc = "password"
	}
	s := notify.Service{
		Name: "fake", Title: "Fake", Summary: "in memory", Forms: h.forms(), Keys: []notify.Key{{Name: "password", Required: true, Doc: doc}},
		Check: func(config json.RawMessage, credential notify.Credential) error {
			_, ok := credential["password"]
			if (!ok || !json.Valid(config)) && !h.is("takes-any-account") {
				return errors.New("set the key password of the account's Secret")
			}
			return nil
		},
		Address: func(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
			switch {
			case !slices.Contains([]string{"one", "two", "one+", "one+" + password}, address) && !h.is("takes-any-address"):
				return "", fmt.Errorf("%.100q is no channel: use one or two", address)
			case h.is("unstable-address") && address == "one":
				return "one+", nil
			case h.is("unstable-address") && address == "one+":
				return "one", nil
			case h.is("secret-in-address"):
				return "one+" + password, nil
			}
			return address, nil
		},
		Person: h.person(),
		New: func(config json.RawMessage, _ notify.Credential, deps notify.Deps) (notify.Notifier, error) {
			var server server
			err := json.Unmarshal(config, &server)
			return &notifier{harness: h, server: server, deps: deps, closed: make(chan struct{})}, err
		},
	}
	wrapped := notify.OverTCP(s)
	if h.is("no-proxy") {
		wrapped.New = s.New
	}
	return wrapped
}

// server is the fake's config, which selects a server.
type server struct {
	ID    int    `json:"id"`
	Fault string `json:"fault"`
}

// recorders and hangs of the servers, by id. Tests within one process run one after another.
var (
	recorders []*notifytest.Recorder
	hangs     = map[int]chan struct{}{}
	forgotten = map[int]bool{}
	locked    = map[int]bool{}
)

func account(fault string) notifytest.Account {
	rec := &notifytest.Recorder{}
	recorders = append(recorders, rec)
	return notifytest.Account{
		Config:     json.RawMessage(fmt.Sprintf(`{"id":%d,"fault":%q}`, len(recorders)-1, fault)),
		Credential: notify.Credential{"password": secret.New(password)},
		Addresses:  []string{"one", "two"}, Secrets: []string{password}, Received: rec.Wait,
		Handle: "1", Person: "ada", Left: "gone", Forget: func() { forgotten[len(recorders)-1] = true },
		LockThreads: func() { locked[len(recorders)-1] = true },
	}
}

func (harness) Start(*testing.T) notifytest.Account { return account("") }

func (harness) Hang(*testing.T) (notifytest.Account, <-chan struct{}) {
	a, reached := account("hang"), make(chan struct{})
	hangs[len(recorders)-1] = reached
	return a, reached
}

func (h harness) Faults() []notifytest.Fault {
	var faults []notifytest.Fault
	for _, kind := range notifytest.Kinds {
		if kind == notifytest.BadCredential && h.is("hides-a-kind") {
			continue
		}
		f := notifytest.Fault{
			Name: string(kind), Want: kind, Says: "come back later",
			Arrange: func(*testing.T) notifytest.Account { return account(string(kind)) },
		}
		if kind == notifytest.RetryAfter {
			f.Wait = 5 * time.Second
		}
		faults = append(faults, f)
	}
	return faults
}

func (harness) Cannot() map[notifytest.Kind]string { return nil }

func (harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	if strings.ContainsAny(got.Text, "\r\n") {
		return errors.New("a second line")
	}
	return nil
}

func (harness) BadAccounts(*testing.T) []notifytest.BadAccount { return nil }
func (harness) BadAddresses() []string                         { return []string{"three"} }

type notifier struct {
	harness
	server server
	deps   notify.Deps
	closed chan struct{}
}

func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if err := n.notify(ctx, m); err != nil {
		return notify.Receipt{}, err
	}
	return n.receipt(m), nil
}

func (n *notifier) notify(ctx context.Context, m notify.Message) error {
	if n.is("secret-in-log") {
		n.deps.Log.V(4).Info("sending", "with", password)
	}
	if n.is("leaks-goroutine") {
		go func() { <-n.closed }()
	}
	if n.is("leaks-file") {
		leak() // once only, because the check takes a while
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.server.Fault == "hang" {
		return n.hang(ctx)
	}
	if n.server.Fault != "" && !n.is("swallows-error") {
		return n.fail(notifytest.Kind(n.server.Fault))
	}
	if conn, err := n.deps.Dial(ctx, "tcp", "127.0.0.1:1"); err == nil {
		_ = conn.Close() // the message is in memory, so it does not matter
	}
	return n.place(m)
}

func (n *notifier) hang(ctx context.Context) error {
	if n.is("answers-early") {
		defer close(hangs[n.server.ID])
		return nil
	}
	close(hangs[n.server.ID])
	<-ctx.Done()
	if n.is("ends-permanently") {
		return notify.Permanent(ctx.Err())
	}
	return ctx.Err()
}

func (n *notifier) fail(kind notifytest.Kind) error {
	err := errors.New("come back later")
	switch {
	case n.is("secret-in-error"):
		err = fmt.Errorf("come back later, %s", password)
	case n.is("silent-error"):
		err = errors.New("no")
	}
	switch kind {
	case notifytest.Permanent:
		if n.is("wrong-kind") {
			return err
		}
		return notify.Permanent(err)
	case notifytest.RetryAfter:
		if n.is("wrong-wait") {
			return notify.RetryAfter(err, time.Second)
		}
		return notify.RetryAfter(err, 5*time.Second)
	case notifytest.BadCredential:
		return notify.BadCredential(err)
	case notifytest.AnswerLost:
		return notify.AnswerLost(err)
	case notifytest.Retry:
	}
	return err
}

func (h harness) forms() []notify.Capabilities {
	switch {
	case h.is("no-form"):
		return nil
	case h.is("declares-less"):
		return []notify.Capabilities{{Silent: true, Mention: true, Proof: notify.Shown, Longest: 100}}
	}
	return []notify.Capabilities{{Edit: true, Thread: true, Silent: true, Mention: true, Proof: notify.Shown, Longest: 100}}
}

func (h harness) person() func(string) (string, error) {
	if h.is("no-persons") {
		return nil
	}
	return func(id string) (string, error) {
		if id != "ada" && id != "gone" && !h.is("takes-any-person") {
			return "", fmt.Errorf("%.100q is nobody's id: use ada or gone", id)
		}
		return id, nil
	}
}

// receipt has the number of the build's first message as its handle.
func (n *notifier) receipt(m notify.Message) notify.Receipt {
	switch {
	case n.is("no-handle"):
		return notify.Receipt{}
	case n.is("secret-in-handle"):
		return notify.Receipt{Handle: password}
	case m.Update != nil && locked[n.server.ID] && !n.is("no-note"):
		return notify.Receipt{Handle: m.Update.Handle, Note: "the reply was sent to the channel"}
	case m.Update != nil:
		return notify.Receipt{Handle: m.Update.Handle}
	}
	return notify.Receipt{Handle: "1"}
}

// place delivers a message, edits the earlier one, or answers in its thread.
func (n *notifier) place(m notify.Message) error {
	if m.Update == nil {
		n.deliver(m, notifytest.Received{})
		return nil
	}
	if (m.Update.Handle != "1" || forgotten[n.server.ID]) && !n.is("edits-the-gone") {
		return notify.Gone(errors.New("no such message"))
	}
	edit := notifytest.Received{Edits: 1}
	if n.is("posts-anew") {
		edit = notifytest.Received{}
	}
	reply := m
	if !n.is("mentions-in-edits") {
		m.Mention = ""
	}
	n.deliver(m, edit)
	switch {
	case m.Update.Thread:
	case len(m.Update.Reply) == 0 || n.is("no-reply"):
		return nil
	default:
		reply.Text = m.Update.Reply[0].Text
	}
	answer := notifytest.Received{Answers: 1}
	if n.is("no-thread") || locked[n.server.ID] && !n.is("replies-nowhere") {
		answer = notifytest.Received{}
	}
	n.deliver(reply, answer)
	return nil
}

func (n *notifier) deliver(m notify.Message, got notifytest.Received) {
	got.Address, got.ID, got.Text = m.Address, m.ID, text.Line(m.Text)
	got.Silent = m.Silent && !n.is("never-silent") || n.is("always-silent")
	if m.Mention == "ada" && !n.is("never-mentions") || m.Mention == "gone" && n.is("mentions-the-left") {
		got.Mentions = []string{m.Mention}
	}
	switch {
	case n.is("no-jobs"):
		got.Text, _, _ = strings.Cut(got.Text, "Failed:")
	case n.is("mentions-all"):
		got.Mentions = []string{"everyone"}
	case n.is("second-line"):
		got.Text = m.Text
	case n.is("wrong-room"):
		got.Address = "two+"
	case n.is("wrong-id"):
		got.ID = "other"
	case n.is("no-text"):
		got.Text = "a build"
	case n.is("sends-twice"):
		recorders[n.server.ID].Add(got)
	}
	recorders[n.server.ID].Add(got)
}

func (n *notifier) Close() error { return nil }
