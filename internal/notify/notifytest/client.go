package notifytest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.uber.org/goleak"

	"github.com/travishook/travishook/internal/notify"
)

// client is a notifier under test with its log and secrets.
type client struct {
	account  Account
	service  notify.Service
	notifier notify.Notifier
	log      *logBuffer
}

// newClient makes the account's notifier. When the test ends, it closes the notifier, and checks that no
// goroutine is left and that the log contains no secret.
func newClient(t *testing.T, h Harness, account Account) *client {
	t.Helper()
	c := &client{account: account, service: h.Service(), log: &logBuffer{}}
	before := goleak.IgnoreCurrent()
	http := account.HTTP
	if http == nil {
		http = notify.NewClient(notify.Options{UserAgent: "travishook/test"})
	}
	if err := c.service.Check(account.Config, account.Credential); err != nil {
		t.Fatalf("Check refuses the harness's own account: %v", err)
	}
	var err error
	c.notifier, err = c.service.New(account.Config, account.Credential, notify.Deps{
		HTTP: http, Dial: notify.NewDialer(nil), Log: c.log.logger(),
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() {
		if err := c.notifier.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		http.CloseIdleConnections()
		if err := goleak.Find(before); err != nil {
			t.Errorf("after Close: %v", err)
		}
		c.checkNoSecret(t, "log", c.log.String())
	})
	return c
}

// address returns the account's nth address, normalized.
func (c *client) address(t *testing.T, n int) string {
	t.Helper()
	address, err := c.service.Address(c.account.Config, c.account.Credential, c.account.Addresses[n])
	if err != nil {
		t.Fatalf("Address refuses the harness's own address %q: %v", c.account.Addresses[n], err)
	}
	c.checkNoSecret(t, "address", address)
	return address
}

func (c *client) notify(t *testing.T, m notify.Message) error {
	t.Helper()
	return sendOnly(c.send(t, m))
}

// send sends m, and checks what it returns.
func (c *client) send(t *testing.T, m notify.Message) (notify.Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	receipt, err := c.notifier.Notify(ctx, m)
	c.checkSecrets(t, err)
	c.checkReceipt(t, &m, receipt, err)
	return receipt, err
}

// sendOnly drops the receipt.
func sendOnly(_ notify.Receipt, err error) error { return err }

// checkSecrets looks for secrets in every form in which a log or a status might show err.
func (c *client) checkSecrets(t *testing.T, err error) {
	t.Helper()
	c.checkNoSecret(t, "error", fmt.Sprintf("%v %+v %#v", err, err, err))
}

func (c *client) checkNoSecret(t *testing.T, where, text string) {
	t.Helper()
	if len(c.account.Secrets) == 0 && !c.service.SecretOptional {
		t.Error("the harness names no secrets to look for")
	}
	for _, s := range c.account.Secrets {
		if len(s) < 8 {
			t.Errorf("a secret of %d characters may be found by chance", len(s))
		}
		if strings.Contains(text, s) {
			t.Errorf("a secret shows in the %s", where)
		}
	}
}

// logBuffer keeps what is logged, at every verbosity.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) logger() logr.Logger {
	return funcr.New(func(prefix, args string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		fmt.Fprintln(&b.buf, prefix, args)
	}, funcr.Options{Verbosity: 10})
}

// String returns all that was logged.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// checkReceipt checks what a service returns of a message.
func (c *client) checkReceipt(t *testing.T, m *notify.Message, r notify.Receipt, err error) {
	t.Helper()
	can := c.capable(m.Address)
	switch {
	case err != nil:
		if r != (notify.Receipt{}) {
			t.Errorf("a receipt beside an error: %+v", r)
		}
	case can.Updates() && r.Handle == "":
		t.Error("no handle, and the service declares that messages can be updated")
	case !can.Updates() && r != (notify.Receipt{}):
		t.Errorf("the receipt %+v, and the service declares that no message can be updated", r)
	case len(r.Handle) > notify.MaxHandle:
		t.Errorf("a handle of %d bytes", len(r.Handle))
	}
	c.checkNoSecret(t, "handle", r.Handle)
}

func (c *client) capable(address string) notify.Capabilities {
	return c.service.Capable(c.account.Credential, address)
}
