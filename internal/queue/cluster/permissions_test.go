package cluster

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestPageListsThePermissions holds the page to the code; that they are enough, and needed, the tests on
// a guarded cluster show.
func TestPageListsThePermissions(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operations/external-store.md")
	if err != nil {
		t.Fatal(err)
	}
	publish, subscribe := (&External{Name: defaultName}).names().permissions()
	var want strings.Builder
	list := func(name string, all []string) {
		fmt.Fprintf(&want, "  %s: [\n", name)
		for _, subject := range all {
			fmt.Fprintf(&want, "    %q\n", subject)
		}
		want.WriteString("  ]\n")
	}
	list("publish", publish)
	list("subscribe", subscribe)
	if !strings.Contains(string(page), "permissions {\n"+want.String()+"}\n") {
		t.Errorf("the page has other permissions than\n%s", want.String())
	}
}

func TestADenialNamesWhatToAllow(t *testing.T) {
	n := (&External{Name: "store"}).names()
	for said, want := range map[string]string{
		`Permissions Violation for Publish to "store.journal"`:                              "publish to store.journal:",
		`permissions violation for publish to "$JS.API.CONSUMER.CREATE.STORE_JOURNAL.x.y"`:  "publish to $JS.API.CONSUMER.CREATE.STORE_JOURNAL.>:",
		`Permissions Violation for Publish to "$JS.API.CONSUMER.MSG.NEXT.STORE_JOURNAL.x"`:  "publish to $JS.API.CONSUMER.MSG.NEXT.STORE_JOURNAL.*:",
		`Permissions Violation for Subscription to "_INBOX.store.x.*" (sid "1")`:            "subscribe to _INBOX.store.>:",
		`Permissions Violation for Publish to "$JS.API.STREAM.DELETE.STORE_JOURNAL"`:        "publish to $JS.API.STREAM.DELETE.STORE_JOURNAL:",
		`Permissions Violation for Subscription to "store.ask.x" using queue "q" (sid "2")`: "subscribe to store.ask.*:",
		`Permissions Violation in words of another version`:                                 "lacks a permission",
	} {
		err := n.explainDenied(fmt.Errorf("%w: %s", nats.ErrPermissionViolation, said))
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", said, err, want)
		}
	}
}

func TestARefusalIsForgottenWhenTheClusterLetsUsIn(t *testing.T) {
	var e logLines
	r := &refusals{logger: e.logger()}
	silence := errors.New("no answer")
	r.report(errors.New("read: connection reset"))
	if got := r.explain(silence); got.Error() != silence.Error() {
		t.Errorf("%v, for what passes by itself", got)
	}
	for range 3 {
		r.report(nats.ErrAuthorization)
	}
	if got := r.explain(silence); !errors.Is(got, silence) || !strings.Contains(got.Error(), "credentialsFile") {
		t.Errorf("%v, want the reason, too", got)
	}
	if n := e.count(refused); n != 1 {
		t.Errorf("logged %d times, want once", n)
	}
	r.forget()
	if got := r.explain(silence); got.Error() != silence.Error() {
		t.Errorf("%v, for what is over", got)
	}
}
