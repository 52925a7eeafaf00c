package xmpp

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mellium.im/xmpp/jid"

	"github.com/travishook/travishook/internal/notify"
)

func parseStanzaError(t *testing.T, kind, condition, text string) *stanzaError {
	t.Helper()
	var in incoming
	stanza := fmt.Sprintf(`<presence type="error"><error type=%q><%s xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>`+
		`<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">%s</text><own xmlns="urn:example"/></error></presence>`, kind, condition, text)
	if err := xml.Unmarshal([]byte(stanza), &in); err != nil {
		t.Fatal(err)
	}
	return in.stanzaError()
}

func TestRefusals(t *testing.T) {
	account := jid.MustParse("ci@xmpp.test")
	entering := func(r *stanzaError) error { return joinError(r, account) }
	for _, c := range []struct {
		doing           func(*stanzaError) error
		kind, condition string
		permanent       bool
		says            string
	}{
		{entering, "auth", "registration-required", true, "make ci@xmpp.test a member"},
		{entering, "auth", "not-authorized", true, "asks for a password"},
		{entering, "auth", "forbidden", true, "lift the ban"},
		{entering, "cancel", "item-not-found", true, "does not exist"},
		{entering, "cancel", "not-allowed", true, "does not exist"},
		{entering, "cancel", "gone", true, "closed for good"},
		{entering, "modify", "not-acceptable", true, "registered nicknames"},
		{entering, "wait", "service-unavailable", false, "service-unavailable"},
		{entering, "wait", "not-allowed", false, "does not exist"},
		{entering, "cancel", "remote-server-not-found", false, "remote-server-not-found"},
		{entering, "modify", "jid-malformed", true, "jid-malformed"},
		{entering, "", "", false, "undefined-condition"},
		{sendError, "auth", "forbidden", true, "voice"},
		{sendError, "cancel", "not-acceptable", false, "not an occupant"},
		{sendError, "wait", "policy-violation", false, "policy-violation"},
		{sendError, "modify", "policy-violation", true, "policy-violation"},
		{sendError, "cancel", "gone", true, "gone"},
	} {
		name := c.kind + " " + c.condition
		r := &stanzaError{}
		if c.condition != "" {
			r = parseStanzaError(t, c.kind, c.condition, "in\nits own words")
		}
		err := c.doing(r)
		if got := notify.IsPermanent(err); got != c.permanent {
			t.Errorf("%s: permanent is %v: %v", name, got, err)
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q is not in %q", name, c.says, err)
		}
		if c.condition != "" && !strings.HasSuffix(err.Error(), `(the server says: "in its own words")`) {
			t.Errorf("%s: the server's words are not in %q", name, err)
		}
	}
}

func TestTheServersWordsAreBounded(t *testing.T) {
	err := sendError(parseStanzaError(t, "wait", "policy-violation", strings.Repeat("ä", 10_000)))
	if n := len([]rune(err.Error())); n > maxServerText+100 {
		t.Errorf("an error of %d characters", n)
	}
}

func TestLoginRefusals(t *testing.T) {
	for condition, want := range map[string]struct{ credential, permanent bool }{
		"not-authorized":         {true, true},
		"account-disabled":       {true, true},
		"credentials-expired":    {true, true},
		"temporary-auth-failure": {false, false},
		"invalid-mechanism":      {false, true},
	} {
		err := saslError(condition)
		if notify.IsBadCredential(err) != want.credential || notify.IsPermanent(err) != want.permanent {
			t.Errorf("%s: %v is bad credential %v, permanent %v", condition, err, notify.IsBadCredential(err), notify.IsPermanent(err))
		}
	}
	if _, ok := saslFailure(errors.New("something else")); ok {
		t.Error("took any error for a refused login")
	}
}
