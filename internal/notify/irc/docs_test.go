package irc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
)

const reference = "../../../docs/services/irc.md"

func TestTheReferenceExplainsEveryFailure(t *testing.T) {
	numeric := func(command, words string) *ircmsg.Message {
		m := ircmsg.MakeMessage(nil, "irc.test", command, "ci", words)
		return &m
	}
	errs := []error{
		errNoSASL, errUnanswered, errNicknames, errLongLine, errNotIRC, errStillJoined, errLogin(defaultTiming.connect),
		errClosedBy("x"), errLost(io.EOF), errUnconfirmed(context.Canceled), channelError(numeric("FAIL", "x")),
		handshakeError(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), loginError(numeric("ERROR", "Bad password"), ""),
		loginError(numeric("904", "x"), saslExternal), errUnproven, notify.ErrIterations, notify.ErrEndsSoon,
	}
	for _, command := range slices.Sorted(maps.Keys(refused)) {
		errs = append(errs, channelError(numeric(command, "x")))
	}
	for _, command := range []string{"904", "464", "465", "432"} {
		errs = append(errs, loginError(numeric(command, "x"), saslPlain))
	}
	notifytest.ExplainsErrors(t, reference, errs)
}
