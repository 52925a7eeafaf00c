package irc

import "context"

// CheckCredential implements notify.CredentialChecker: it logs in, and joins no channel.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) {
	if _, err := n.Session(ctx); err != nil {
		return "", err
	}
	return n.account.nickname, nil
}
