package email

import "context"

// CheckCredential implements notify.CredentialChecker: it logs in, and sends nothing. It returns
// the sender, because the user name is a secret at some services: Postmark's is the API token.
func (n *notifier) CheckCredential(ctx context.Context) (string, error) {
	c, err := n.connection(ctx)
	if err != nil {
		return "", err
	}
	n.release(c)
	if n.account.username == "" {
		return "a client that does not log in", nil
	}
	return n.account.from.Address, nil
}
