package notify

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Redact takes the URL out of an error of an http.Client or of url.Parse, since a webhook's
// URL is a credential. What is left names the scheme and the host and keeps the error's kind.
// Every error of an HTTP call goes through it before it leaves a service's package.
func Redact(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return err
	}
	if u.Op == "parse" {
		return errors.New("not a URL") // the reason itself quotes from it
	}
	target, parseErr := url.Parse(u.URL)
	if parseErr != nil {
		return u.Err
	}
	return fmt.Errorf("%s %s: %w", strings.ToLower(u.Op), Origin(target), u.Err)
}
