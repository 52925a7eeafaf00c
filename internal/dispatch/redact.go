package dispatch

import (
	"strings"

	"github.com/travishook/travishook/internal/notify"
)

// redact removes the account's secrets from an error's text. Services do that themselves; this is for
// one that forgot to, because reasons are stored and shown.
func redact(err error, c notify.Credential) error {
	if err == nil {
		return nil
	}
	original := err.Error()
	shown := original
	for _, v := range c {
		// A shorter value may be an ordinary word.
		if s := strings.TrimSpace(v.Reveal()); len(s) >= 6 {
			shown = strings.ReplaceAll(shown, s, v.String())
		}
	}
	if shown == original {
		return err
	}
	return redactedError{shown, err}
}

// redactedError is an error with a text of its own.
type redactedError struct {
	text string
	err  error
}

func (e redactedError) Error() string { return e.text }

func (e redactedError) Unwrap() error { return e.err }
