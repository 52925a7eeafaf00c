package xmpp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"mellium.im/sasl"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stream"

	"github.com/travishook/travishook/internal/notify"
)

const reference = "../../../docs/services/xmpp.md"

// sentences returns the errors that users may see and that can be produced without a server.
func sentences(t *testing.T) []string {
	t.Helper()
	account := jid.MustParse("ci@example.com")
	errs := []error{
		errNotOccupant, errUnanswered, errNoRoom, errNicknames("ci"),
		streamError(stream.Error{Err: "conflict"}),
		loginError(stream.UnsupportedStanzaType, false), loginError(stream.HostUnknown, false),
		loginError(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, true),
		loginError(notify.ErrIterations, true), notify.ErrEndsSoon, loginError(sasl.ErrAuthn, true),
		loginError(errors.New("xmpp: no matching SASL mechanisms found"), true),
		saslError("not-authorized"), saslError("account-disabled"), saslError("temporary-auth-failure"), saslError("malformed-request"),
		sendError(parseStanzaError(t, "auth", "forbidden", "")),
		errLoginTimeout(defaultTiming.connect), errConnectionLost(errUnanswered), errNotReflected(os.ErrDeadlineExceeded), errNoAnswer(os.ErrDeadlineExceeded),
	}
	for _, condition := range []string{
		"registration-required", "not-authorized", "forbidden", "item-not-found", "gone", "not-acceptable", "jid-malformed",
	} {
		errs = append(errs, joinError(parseStanzaError(t, "cancel", condition, ""), account))
	}
	var all []string
	for _, err := range errs {
		all = append(all, err.Error())
	}
	return all
}

// The reference explains exactly the errors that exist.
func TestTheReferenceExplainsEveryFailure(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| the error contains |")
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		explained[row[1]] = false
	}
	for _, sentence := range sentences(t) {
		found := false
		for piece := range explained {
			if strings.Contains(sentence, piece) {
				explained[piece], found = true, true
			}
		}
		if !found {
			t.Errorf("%s does not explain %q", reference, sentence)
		}
	}
	for piece, used := range explained {
		if !used {
			t.Errorf("%s explains %q, which no error contains", reference, piece)
		}
	}
}
