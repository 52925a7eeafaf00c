package render

import (
	"fmt"
	"time"
)

const (
	// maxWork limits the bytes that the functions of one rendering read and make together: some
	// milliseconds of work for any template.
	maxWork = 256 << 10
	// maxTime limits the time of one rendering. maxWork is reached earlier, unless the machine is slow or
	// busy.
	maxTime = time.Second
)

// budget is the work that is left for one rendering.
type budget struct {
	work int
	ends time.Time
}

func (b *budget) reset() { *b = budget{work: maxWork, ends: time.Now().Add(maxTime)} }

// take uses n bytes of the budget, or returns an error if it is exhausted.
func (b *budget) take(n int) error {
	if b.work -= n; b.work < 0 {
		return fmt.Errorf("the functions process more than %d bytes together: use fewer of them, or shorter texts", maxWork)
	}
	if time.Now().After(b.ends) {
		return fmt.Errorf("rendering takes longer than %s", maxTime)
	}
	return nil
}

// made charges for making s from that many bytes of input, and refuses an s that is too long: a template
// that doubles a text repeatedly would otherwise take all memory.
func (b *budget) made(inputs int, s string) (string, error) {
	if len(s) > maxText {
		return "", fmt.Errorf("makes a string of %d bytes; the limit is %d", len(s), maxText)
	}
	return s, b.take(inputs + len(s))
}
