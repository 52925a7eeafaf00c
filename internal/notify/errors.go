package notify

import (
	"errors"
	"time"
)

// permanentError will not heal by trying again.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks err as one that trying again cannot heal: a refused credential, an unknown
// room, a message that the service will never take. Everything not so marked is retried.
func Permanent(err error) error { return &permanentError{err} }

// IsPermanent reports whether err is, or wraps, a permanent error.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// credentialError is permanent, until the credential changes.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

// BadCredential marks err as a refused credential: permanent until the account or its Secret
// changes, and then what it killed is sent again.
func BadCredential(err error) error { return &permanentError{&credentialError{err}} }

// IsBadCredential reports whether err is, or wraps, a refused credential.
func IsBadCredential(err error) bool {
	var c *credentialError
	return errors.As(err, &c)
}

// retryAfterError carries the wait that a service asked for.
type retryAfterError struct {
	err  error
	wait time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// RetryAfter marks err with the time that the service asked to be left alone for.
func RetryAfter(err error, wait time.Duration) error { return &retryAfterError{err, wait} }

// RetryAfterOf returns the wait that err asks for, if it asks for one.
func RetryAfterOf(err error) (time.Duration, bool) {
	var r *retryAfterError
	if errors.As(err, &r) {
		return r.wait, true
	}
	return 0, false
}

// answerLostError is an attempt of which nobody knows whether the service took it.
type answerLostError struct{ err error }

func (e *answerLostError) Error() string { return e.err.Error() }
func (e *answerLostError) Unwrap() error { return e.err }

// AnswerLost marks err as one after which the message may or may not have been taken: the
// request went out whole and no answer came. The next attempt may be a duplicate.
func AnswerLost(err error) error { return &answerLostError{err} }

// IsAnswerLost reports whether err is, or wraps, a lost answer.
func IsAnswerLost(err error) bool {
	var a *answerLostError
	return errors.As(err, &a)
}
