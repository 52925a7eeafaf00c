package notify

import (
	"context"
	"errors"
)

// CredentialChecker is a Notifier that can ask its service whether the credential is valid, without sending a
// message.
type CredentialChecker interface {
	Notifier
	// CheckCredential makes a call that changes nothing and that nobody notices. It returns the service's name
	// for the account, to show to people, and no value of the Secret. Its errors are marked as in Notify, or are
	// ErrCannotCheck.
	CheckCredential(ctx context.Context) (as string, err error)
}

// ErrCannotCheck is the error of a credential that only a message can check.
var ErrCannotCheck = errors.New("only a message shows whether the service accepts this credential")

// CheckCredential asks n's service whether the credential is valid; ErrCannotCheck if only a message would show that.
func CheckCredential(ctx context.Context, n Notifier) (as string, err error) {
	if own, ok := n.(*ownClient); ok {
		n = own.Notifier
	}
	if c, ok := n.(CredentialChecker); ok {
		return c.CheckCredential(ctx)
	}
	return "", ErrCannotCheck
}
