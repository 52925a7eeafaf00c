package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/secret"
)

// Redact removes the URL from an error of an http.Client or of url.Parse, and with it the host and
// its addresses: a webhook's URL is a credential, and a Secret may name a server that must stay private.
// The error's kind stays. Every error of an HTTP call passes through it before it leaves a service's
// package.
func Redact(err error) error {
	var u *url.Error
	if !errors.As(err, &u) {
		return err
	}
	if u.Op == "parse" {
		return errors.New("not a URL") // the reason would quote it
	}
	text := strings.ToLower(u.Op) + ": " + withoutHost(u.Err)
	if target, parseErr := url.Parse(u.URL); parseErr == nil && target.Hostname() != "" {
		text = strings.ReplaceAll(text, target.Hostname(), "[host]")
	}
	return &redactedError{text, u.Err}
}

// RedactHost removes host names and addresses from a network error. The error's kind stays.
func RedactHost(err error) error {
	if err == nil {
		return nil
	}
	return &redactedError{withoutHost(err), err}
}

// RedactSecrets replaces the values of credential in an error's text. Services show none; this is for one that
// forgot to, because reasons are stored and shown. The error's kind stays.
func RedactSecrets(err error, credential Credential) error {
	if err == nil {
		return nil
	}
	original := err.Error()
	shown := original
	values := slices.SortedFunc(maps.Values(credential), func(a, b secret.Value) int {
		return len(b.Reveal()) - len(a.Reveal()) // a value may contain another
	})
	for _, v := range values {
		// A shorter value may be an ordinary word.
		if s := strings.TrimSpace(v.Reveal()); len(s) >= 6 {
			shown = strings.ReplaceAll(shown, s, v.String())
		}
	}
	if shown == original {
		return err
	}
	return &redactedError{shown, err}
}

// redactedError is an error with a text of its own.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// withoutHost describes a network error without the names and addresses in it.
func withoutHost(err error) string {
	var (
		redacted    *redactedError
		forbidden   *forbiddenError
		lookup      *net.DNSError
		certificate *tls.CertificateVerificationError
		operation   *net.OpError
	)
	switch {
	case errors.As(err, &redacted):
		return redacted.text
	case errors.As(err, &forbidden):
		return forbidden.Error()
	case errors.As(err, &lookup):
		return "look up the server's name: " + lookup.Err
	case errors.As(err, &certificate):
		return "the server's certificate is not trusted: " + certificateProblem(certificate.Err)
	case errors.As(err, &operation):
		return operation.Op + ": " + withoutHost(operation.Err)
	}
	return withoutGo(err)
}

// withoutGo describes an error of the HTTP client in the words of a status. It never quotes what a server sent instead of
// an answer.
func withoutGo(err error) string {
	said := err.Error()
	switch {
	case errors.Is(err, io.EOF):
		return "the server closed the connection without an answer"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection before the end of its answer"
	case strings.Contains(said, "timeout awaiting response headers"):
		return "the server did not answer within " + headerTimeout.String()
	case strings.Contains(said, "malformed HTTP"):
		return "the server does not speak HTTP"
	case strings.Contains(said, "response headers exceeded"):
		return "the header of the server's answer is too large"
	}
	return said
}

func certificateProblem(err error) string {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, new(x509.HostnameError)):
		return "it is for another name"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "it is signed by an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "it has expired or is not valid yet"
	}
	return "it does not verify"
}
