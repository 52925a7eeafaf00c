package matrix

import "context"

// CheckCredential implements notify.CredentialChecker.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) { return n.self(ctx) }
