package irc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"github.com/travishook/travishook/internal/notify"
)

const reference = "../../../docs/services/irc.md"

// The reference explains exactly the errors that exist.
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
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| the error contains |")
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		explained[row[1]] = false
	}
	for _, err := range errs {
		found := false
		for piece := range explained {
			if strings.Contains(err.Error(), piece) {
				explained[piece], found = true, true
			}
		}
		if !found {
			t.Errorf("%s does not explain %q", reference, err)
		}
	}
	for piece, used := range explained {
		if !used {
			t.Errorf("%s explains %q, which no error contains", reference, piece)
		}
	}
}
