package render

import (
	"fmt"
	"time"
)

const (
	// maxWork bounds the bytes that the functions of one rendering read and make, together: some
	// milliseconds, whatever a template does with them.
	maxWork = 256 << 10
	// maxTime bounds one rendering. The bytes are spent before, unless the machine is slow or busy.
	maxTime = time.Second
)

// budget is what one rendering may still take.
type budget struct {
	work int
	ends time.Time
}

func (b *budget) reset() { *b = budget{work: maxWork, ends: time.Now().Add(maxTime)} }

// take takes n bytes of work, or says that there is nothing left.
func (b *budget) take(n int) error {
	if b.work -= n; b.work < 0 {
		return fmt.Errorf("the functions work on more than %d bytes together; use fewer of them, on shorter texts", maxWork)
	}
	if time.Now().After(b.ends) {
		return fmt.Errorf("rendering takes longer than %s", maxTime)
	}
	return nil
}

// made takes the work of making s from inputs of so many bytes, and refuses an s that is too long: a
// template that doubles a text often enough would otherwise take all memory.
func (b *budget) made(inputs int, s string) (string, error) {
	if len(s) > maxText {
		return "", fmt.Errorf("makes a string of %d bytes; the limit is %d", len(s), maxText)
	}
	return s, b.take(inputs + len(s))
}
