package emailtest

import (
	"maps"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
)

// Faults implements notifytest.Harness.
func (h Harness) Faults() []notifytest.Fault {
	const wait = 5 * time.Minute
	faults := []notifytest.Fault{
		{Name: "recipient-unknown", Want: notifytest.Permanent, Says: "550 5.1.1 no such user", Arrange: h.with(func(o *Options) { o.Recipient = reply(550, "5.1.1", "no such user") })},
		{Name: "greylisted", Want: notifytest.RetryAfter, Wait: wait, Says: "try again later", Arrange: h.with(func(o *Options) { o.Recipient = reply(450, "4.2.0", "greylisted, try again later") })},
		{Name: "final-by-code-only", Want: notifytest.RetryAfter, Wait: wait, Arrange: h.with(func(o *Options) { o.Recipient = reply(550, "4.7.1", "try again later") })},
		{Name: "mailbox-full", Want: notifytest.Retry, Says: "5.2.2", Arrange: h.with(func(o *Options) { o.Recipient = reply(552, "5.2.2", "over quota") })},
		{Name: "sender-refused", Want: notifytest.Permanent, Says: "the sender", Arrange: h.with(func(o *Options) { o.Sender = reply(553, "5.1.8", "not your address") })},
		{Name: "sender-refused-for-now", Want: notifytest.Retry, Arrange: h.with(func(o *Options) { o.Sender = reply(451, "4.3.0", "busy") })},
		{Name: "message-refused", Want: notifytest.Permanent, Says: "the message", Arrange: h.with(func(o *Options) { o.Message = reply(554, "5.6.0", "spam from 127.0.0.1") })},
		{Name: "message-refused-for-now", Want: notifytest.Retry, Arrange: h.with(func(o *Options) { o.Message = reply(452, "4.3.1", "disk full") })},
		{Name: "answer-lost", Want: notifytest.AnswerLost, Says: "closed the connection", Arrange: h.with(func(o *Options) { o.Drop = true })},
		{Name: "server-down", Want: notifytest.Retry, Says: "refused", Arrange: h.at(func(t *testing.T) *Server { return &Server{Address: notifytest.ClosedPort(t)} })},
	}
	if h.TLS == "None" {
		return append(faults, h.plainFaults()...)
	}
	return append(faults, h.loginFaults()...)
}

// plainFaults are the faults of a server without encryption and login.
func (h Harness) plainFaults() []notifytest.Fault {
	return []notifytest.Fault{
		{Name: "login-required", Want: notifytest.BadCredential, Says: "set username and password", Arrange: h.with(func(o *Options) { o.Users = map[string]string{} })},
		{Name: "relay-denied", Want: notifytest.BadCredential, Says: "set username and password", Arrange: h.with(func(o *Options) { o.Recipient = reply(554, "5.7.1", "Relay access denied") })},
		{Name: "too-many-connections", Want: notifytest.Retry, Says: "421 4.7.0", Arrange: h.at(func(t *testing.T) *Server { return says(t, "421 4.7.0 too many\r\n", 1) })},
		{Name: "blocked-address", Want: notifytest.Retry, Says: "554 5.7.1", Arrange: h.at(func(t *testing.T) *Server { return says(t, "554 5.7.1 blocked\r\n", 1) })},
		{Name: "not-smtp", Want: notifytest.Retry, Says: "does not speak SMTP", Arrange: h.at(func(t *testing.T) *Server { return says(t, "HTTP/1.1 400 Bad Request\r\n\r\n", 1) })},
		{Name: "endless-greeting", Want: notifytest.Retry, Says: "more than an SMTP server may", Arrange: h.at(func(t *testing.T) *Server { return says(t, endless("220-welcome"), 1000) })},
		{Name: "ends-at-once", Want: notifytest.Retry, Says: "closed the connection", Arrange: h.at(func(t *testing.T) *Server { return hangsUp(t) })},
	}
}

// loginFaults are the faults of a server with encryption and a login.
func (h Harness) loginFaults() []notifytest.Fault {
	return []notifytest.Fault{
		{Name: "wrong-password", Want: notifytest.BadCredential, Says: "535 5.7.8", Arrange: h.wrongPassword},
		{Name: "login-refused-for-now", Want: notifytest.Retry, Says: "454", Arrange: h.with(func(o *Options) { o.Login = reply(454, "4.7.0", "temporary") })},
		{Name: "no-login", Want: notifytest.Retry, Says: "port for submission", Arrange: h.with(func(o *Options) { o.Users = nil })},
		{Name: "certificate-not-trusted", Want: notifytest.Retry, Says: "not trusted", Arrange: h.untrusted},
		{Name: "not-the-encryption", Want: notifytest.Retry, Says: "set tls to", Arrange: h.with(func(o *Options) { o.DirectTLS, o.NoTLS = false, true })},
		{Name: "relay-denied", Want: notifytest.Permanent, Says: "the recipient", Arrange: h.with(func(o *Options) { o.Recipient = reply(554, "5.7.1", "Relay access denied") })},
	}
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

func reply(code int, enhanced, words string) *smtp.SMTPError {
	e := smtp.EnhancedCode{int(enhanced[0] - '0'), int(enhanced[2] - '0'), int(enhanced[4] - '0')}
	return &smtp.SMTPError{Code: code, EnhancedCode: e, Message: words}
}

// with is an account on a server with an option.
func (h Harness) with(option func(*Options)) func(*testing.T) notifytest.Account {
	return h.at(func(t *testing.T) *Server {
		o := h.Options()
		option(&o)
		return StartServer(t, o)
	})
}

func (h Harness) at(start func(t *testing.T) *Server) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return Account(start(t), h.TLS) }
}

func (h Harness) wrongPassword(t *testing.T) notifytest.Account {
	a := Account(StartServer(t, h.Options()), h.TLS)
	const wrong = "incorrect horse battery"
	a.Credential = maps.Clone(a.Credential)
	a.Credential["password"] = secret.New(wrong)
	a.Secrets = append(a.Secrets, wrong)
	return a
}

func (h Harness) untrusted(t *testing.T) notifytest.Account {
	a := Account(StartServer(t, h.Options()), h.TLS)
	delete(a.Credential, "ca.crt")
	return a
}
