package notify

import "errors"

// personError is a message whose mention the service refused.
type personError struct{ err error }

func (e *personError) Error() string { return e.err.Error() }
func (e *personError) Unwrap() error { return e.err }

// NoSuchPerson marks err as a message that the service refused because of the person to mention: the id is
// unknown, or the person has left. The message may be sent without the mention instead.
func NoSuchPerson(err error) error { return &personError{err} }

// IsNoSuchPerson reports whether err is, or wraps, the refusal of a message because of the person to mention.
func IsNoSuchPerson(err error) bool {
	var p *personError
	return errors.As(err, &p)
}
