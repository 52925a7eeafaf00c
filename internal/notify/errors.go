package notify

import (
	"errors"
	"time"
)

// permanentError is an error that a retry cannot fix.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks err as one that a retry cannot fix: a refused credential, an unknown channel, a message
// that the service will never accept. All other errors are retried.
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

// BadCredential marks err as a refused credential: permanent until the account or its Secret changes,
// which redrives the dead letters that it caused.
func BadCredential(err error) error { return &permanentError{&credentialError{err}} }

// IsBadCredential reports whether err is, or wraps, a refused credential.
func IsBadCredential(err error) bool {
	var c *credentialError
	return errors.As(err, &c)
}

// retryAfterError carries the delay that a service asked for.
type retryAfterError struct {
	err  error
	wait time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// RetryAfter marks err with the delay that the service asked for.
func RetryAfter(err error, wait time.Duration) error { return &retryAfterError{err, wait} }

// RetryAfterOf returns the delay that err asks for, if any.
func RetryAfterOf(err error) (time.Duration, bool) {
	var r *retryAfterError
	if errors.As(err, &r) {
		return r.wait, true
	}
	return 0, false
}

// answerLostError is the error of an attempt whose result is unknown.
type answerLostError struct{ err error }

func (e *answerLostError) Error() string { return e.err.Error() }
func (e *answerLostError) Unwrap() error { return e.err }

// AnswerLost marks err as an attempt with an unknown result: the whole request was sent and no answer
// arrived. The next attempt may be a duplicate.
func AnswerLost(err error) error { return &answerLostError{err} }

// IsAnswerLost reports whether err is, or wraps, a lost answer.
func IsAnswerLost(err error) bool {
	var a *answerLostError
	return errors.As(err, &a)
}
