package notify

import (
	"errors"
	"time"
)

// MaxHandle is how many bytes a handle may have.
const MaxHandle = 256

// Receipt refers to a message that a service has accepted.
type Receipt struct {
	// Handle identifies the message to its service, and is opaque to everyone else. It is not secret. It is
	// empty if the message cannot be updated.
	Handle string
	// Until is when the message can no longer be updated; zero if the service sets no limit.
	Until time.Time
	// Note says which part of the update was sent in another way, and why, for people; empty if none was.
	Note string
}

// Update is what to do with the earlier message of a build.
type Update struct {
	// Handle is the handle of the earlier message.
	Handle string
	// Thread posts the message as a reply to the earlier one, which is edited too where that is possible.
	// Otherwise it is only edited.
	Thread bool
	// Reply is a short text, posted beside the edit because the edit notifies nobody: as a reply to the
	// message, or as a message where there is no thread, or it takes no replies. Empty if nobody needs to notice.
	Reply []Span
}

// Proof is what a service's answer proves.
type Proof string

// The proofs, the best first.
const (
	Shown    Proof = "shown"    // the channel has the message
	Accepted Proof = "accepted" // the service has taken it and may still drop it
	Sent     Proof = "sent"     // it was written to the connection
)

// Capabilities are what one form of a service can do. The dispatcher, the linter and the documentation follow
// from them.
type Capabilities struct {
	// Form names one of the service's forms; empty if there is only one.
	Form string
	// Edit: an earlier message can be changed.
	Edit bool
	// Thread: a message can be posted as a reply to an earlier one.
	Thread bool
	// Notifies: people are notified of an edit as of a new message, so it needs no reply beside it.
	Notifies bool
	// Silent: a message can be shown without notifying anybody.
	Silent bool
	// Mention: a message can notify one person.
	Mention bool
	// Idempotent: the receiver can recognize a message that is sent again, by Message.ID.
	Idempotent bool
	// Proof is what nil from Notify proves.
	Proof Proof
	// Longest is how many characters of a message's text are shown.
	Longest int
}

// Updates reports whether an earlier message can be updated at all.
func (c *Capabilities) Updates() bool { return c.Edit || c.Thread }

// goneError is an update whose message cannot be updated any more.
type goneError struct{ err error }

func (e *goneError) Error() string { return e.err.Error() }
func (e *goneError) Unwrap() error { return e.err }

// Gone marks err as an update that the service refused because of the earlier message: it was deleted, is too
// old or belongs to another account. A new message may be sent instead. A message that was edited, and whose
// thread is locked, is not gone: its reply is sent to the channel.
func Gone(err error) error { return &goneError{err} }

// IsGone reports whether err is, or wraps, the refusal of an update because of the earlier message.
func IsGone(err error) bool {
	var g *goneError
	return errors.As(err, &g)
}

// Refused marks the error of an edit as Gone if it is permanent: what a service refuses to edit, it may still
// accept as a new message; if not, that one fails in the same way.
func Refused(err error) error {
	if IsPermanent(err) {
		return Gone(err)
	}
	return err
}

// Reply posts the reply to a message that was edited: in its thread, or in its channel if the thread takes none.
// The note says so.
func Reply(post func(inThread bool) error) (note string, err error) {
	if err = post(true); !IsPermanent(err) {
		return "", err
	}
	return "the reply was sent to the channel: " + err.Error(), post(false)
}
