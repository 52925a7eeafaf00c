package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/version"
)

// checkTimeout limits the time that --check takes.
const checkTimeout = time.Minute

// checkCredential asks the service, from this computer, whether the credential is valid, if --check is set.
func (v *accountCommand) checkCredential(ctx context.Context, service *notify.Service, name string, config json.RawMessage, credential notify.Credential) (err error) {
	if !v.check {
		return nil
	}
	client := notify.NewClient(notify.Options{UserAgent: "kubectl-travis/" + version.String()})
	defer client.CloseIdleConnections()
	n, err := service.New(config, credential, notify.Deps{HTTP: client, Dial: notify.NewDialer(nil)})
	if err != nil {
		return fmt.Errorf("account %s: %w", name, notify.RedactSecrets(err, credential))
	}
	defer func() { _ = n.Close() }()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	as, err := notify.CheckCredential(ctx, n)
	err = notify.RedactSecrets(err, credential)
	switch {
	case errors.Is(err, notify.ErrCannotCheck):
		v.env.note("note: the credential for %s was not checked: %v; kubectl travis test sends one through a route", service.Title, err)
		return nil
	case notify.IsBadCredential(err):
		return fmt.Errorf("%s rejects the credential of account %s: %w; nothing was written", service.Title, name, err)
	case notify.IsPermanent(err):
		return fmt.Errorf("the check of account %s on %s failed: %w; nothing was written", name, service.Title, err)
	case err != nil:
		return fmt.Errorf("%s could not check the credential of account %s from this computer: %w; "+
			"nothing was written; to write it unchecked, omit --check", service.Title, name, err)
	}
	v.env.note("%s accepts the credential, as %s", service.Title, as)
	return nil
}
