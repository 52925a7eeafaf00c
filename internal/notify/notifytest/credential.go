package notifytest

import (
	"context"
	"errors"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

// checksCredential checks the credential of a working account, which sends nothing, and those of accounts whose
// credential is refused: at least one of them is found.
func checksCredential(t *testing.T, h Harness) {
	c := newClient(t, h, h.Start(t))
	as, err := c.checkCredential(t)
	if errors.Is(err, notify.ErrCannotCheck) {
		return
	}
	if err != nil || as == "" {
		t.Fatalf("CheckCredential of the harness's own account is %q, %v", as, err)
	}
	c.checkNoSecret(t, "name of the account", as)
	if notify.RedactSecrets(errors.New(as), c.account.Credential).Error() != as {
		t.Errorf("the name of the account shows a value of the Secret: %s", as)
	}
	c.mustSend(t, message("1", c.address(t, 0)))
	if got := c.account.Received(t, 1); len(got) != 1 {
		t.Errorf("%d messages arrived, and one was sent after the check", len(got))
	}
	refused, found := 0, 0
	for _, f := range h.Faults() {
		if f.Want != BadCredential {
			continue
		}
		refused++
		if _, err := newClient(t, h, f.Arrange(t)).checkCredential(t); notify.IsBadCredential(err) {
			found++
		}
	}
	if refused > 0 && found == 0 && !c.service.SecretOptional { // which may refuse for want of a credential
		t.Errorf("CheckCredential finds none of the %d credentials that Notify finds to be refused", refused)
	}
}

func (c *client) checkCredential(t *testing.T) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	as, err := notify.CheckCredential(ctx, c.notifier)
	if err != nil {
		c.checkSecrets(t, err)
	}
	return as, err
}
