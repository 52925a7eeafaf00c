package email

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
)

func TestThePortSelectsTheEncryption(t *testing.T) {
	for _, test := range []struct{ server, tls, want string }{
		{"smtp.example.com:465", "", directTLS},
		{"smtp.example.com:587", "", startTLS},
		{"smtp.example.com:25", "", startTLS},
		{"smtp.example.com:465", startTLS, startTLS},
		{"smtp.example.com:587", directTLS, directTLS},
		{"smtp.example.com:25", noTLS, noTLS},
	} {
		a, err := parseAccount(json.RawMessage(`{"server":"`+test.server+`","from":"ci@example.com","tls":"`+test.tls+`"}`), nil)
		if err != nil || a.mode != test.want {
			t.Errorf("%s with tls %q is sent to with %q, %v; want %s", test.server, test.tls, a.mode, err, test.want)
		}
	}
}

func TestTheSenderIsTheUserName(t *testing.T) {
	for username, want := range map[string]string{"": "ci@example.com", "mailer\n": "mailer"} {
		a, err := parseAccount(json.RawMessage(`{"server":"smtp.example.com:587","from":"Travis CI <ci@EXAMPLE.com>"}`),
			notify.Credential{"username": secret.New(username), "password": secret.New("hunter2\n")})
		if err != nil || a.username != want || a.password.Reveal() != "hunter2" {
			t.Errorf("with the username %q, the login is %q and %q, %v", username, a.username, a.password.Reveal(), err)
		}
	}
}

// TestRefusals: what a server's answer at each step means for the delivery.
func TestRefusals(t *testing.T) {
	reply := func(code int, enhanced smtp.EnhancedCode) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "no, smtp.example.com"}
	}
	none := smtp.EnhancedCode{}
	for name, test := range map[string]struct {
		at    step
		err   error
		login bool
		want  notifytest.Kind
		says  string
	}{
		"the greeting":                          {stepGreeting, reply(554, none), true, notifytest.Retry, "554"},
		"encryption":                            {stepTLS, reply(554, none), true, notifytest.Retry, "554"},
		"the login":                             {stepLogin, reply(535, none), true, notifytest.BadCredential, "535"},
		"the login, for now":                    {stepLogin, reply(454, none), true, notifytest.Retry, "454"},
		"a sender without a login":              {stepSender, reply(530, none), true, notifytest.BadCredential, "set username and password"},
		"a sender by policy, not logged in":     {stepSender, reply(550, smtp.EnhancedCode{5, 7, 1}), false, notifytest.BadCredential, "set username and password"},
		"a recipient by policy, not logged in":  {stepRecipient, reply(550, smtp.EnhancedCode{5, 7, 0}), false, notifytest.BadCredential, "set username and password"},
		"a sender by policy, logged in":         {stepSender, reply(550, smtp.EnhancedCode{5, 7, 1}), true, notifytest.Permanent, "550 5.7.1"},
		"the sender":                            {stepSender, reply(550, none), true, notifytest.Permanent, "550"},
		"an unknown recipient":                  {stepRecipient, reply(550, smtp.EnhancedCode{5, 1, 1}), true, notifytest.Permanent, "550 5.1.1"},
		"a greylisted recipient":                {stepRecipient, reply(450, none), true, notifytest.RetryAfter, "450"},
		"a full mailbox":                        {stepRecipient, reply(552, none), true, notifytest.Retry, "552"},
		"a full mailbox, enhanced":              {stepRecipient, reply(550, smtp.EnhancedCode{5, 2, 2}), true, notifytest.Retry, "550 5.2.2"},
		"temporary by the enhanced code":        {stepSender, reply(550, smtp.EnhancedCode{4, 3, 0}), true, notifytest.Retry, "550 4.3.0"},
		"permanent by the enhanced code":        {stepSender, reply(450, smtp.EnhancedCode{5, 3, 0}), true, notifytest.Permanent, "450 5.3.0"},
		"the message":                           {stepMessage, reply(554, none), true, notifytest.Permanent, "554"},
		"the message, for now":                  {stepMessage, reply(451, none), true, notifytest.Retry, "451"},
		"the connection closed":                 {stepMessage, io.EOF, true, notifytest.Retry, "closed the connection"},
		"the connection closed within a line":   {stepMessage, io.ErrUnexpectedEOF, true, notifytest.Retry, "closed the connection"},
		"no answer in time":                     {stepSender, os.ErrDeadlineExceeded, true, notifytest.Retry, "did not answer in time"},
		"no answer of the network, in its time": {stepSender, timeoutError{}, true, notifytest.Retry, "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			a := account{hidden: []string{"smtp.example.com"}}
			if test.login {
				a.username = "ci"
			}
			err := a.failure(test.at, test.err)
			if got := notifytest.KindOf(err); got != test.want || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %q (%s), want %s and %q in it", err, got, test.want, test.says)
			}
			if strings.Contains(err.Error(), "smtp.example.com") {
				t.Errorf("%q names the server", err)
			}
			if test.at == stepLogin && strings.Contains(err.Error(), "no, ") {
				t.Errorf("%q repeats the answer to a login", err)
			}
			if after, ok := notify.RetryAfterOf(err); ok && after != 5*time.Minute {
				t.Errorf("the next attempt is after %s", after)
			}
		})
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
