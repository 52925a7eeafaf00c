package xmpp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"testing"

	"mellium.im/sasl"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stream"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
)

const reference = "../../../docs/services/xmpp.md"

// explainable returns the errors that users may see and that can be produced without a server.
func explainable(t *testing.T) []error {
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
	return errs
}

func TestTheReferenceExplainsEveryFailure(t *testing.T) {
	notifytest.ExplainsErrors(t, reference, explainable(t))
}
