package travis

import "unicode/utf8"

// The limits of an event's fields. They limit the size of a record in the store, because strangers can
// write commits of any size; no message shows more.
const (
	maxMessage = 16 << 10 // bytes of the commit's message
	maxString  = 1 << 10  // bytes of every other string
	maxWord    = 64       // bytes of a job's strings
	maxJobs    = 512      // jobs of a matrix; Travis itself allows 200

	// MaxEventSize is roughly the most memory that an Event takes.
	MaxEventSize = 256 << 10

	maxDurationSeconds = 10 * 365 * 24 * 3600
)

// cut truncates s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
