package email

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/textproto"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

const reference = "../../../docs/services/email.md"

func TestTheReferenceExplainsEveryFailure(t *testing.T) {
	a := account{}
	refused := &smtp.SMTPError{Code: 550, Message: "no"}
	errs := []error{
		a.failure(stepGreeting, refused), a.failure(stepTLS, refused), a.failure(stepLogin, refused), a.failure(stepSender, refused),
		a.failure(stepRecipient, refused), a.failure(stepMessage, refused), a.failure(stepSender, &smtp.SMTPError{Code: 530}),
		networkError(errTooMuch), networkError(textproto.ProtocolError("x")), networkError(tls.RecordHeaderError{}), networkError(io.EOF),
		networkError(os.ErrDeadlineExceeded), networkError(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}),
		errNoStartTLS, errNoLogin, errNoUTF8,
	}
	notifytest.ExplainsErrors(t, reference, errs)
}

// The picture of the message on the page is the plain part.
func TestTheReferenceShowsTheMessage(t *testing.T) {
	a := testAccount(t)
	m := build("1")
	l := compose(t, &a, &m)
	header, parts := read(t, l.content)
	picture := ""
	for _, name := range []string{"Subject", "From", "To"} {
		picture += name + ": " + header.Get(name) + "\n"
	}
	picture = "```text\n" + picture + "\n" + parts[0] + "```\n"
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), picture) {
		t.Errorf("%s does not show the message:\n%s", reference, picture)
	}
	if list := header.Get("List-Id"); !strings.Contains(string(page), "List-Id: "+list) {
		t.Errorf("%s does not show the List-Id %s", reference, list)
	}
}
