package receiver

import (
	"bytes"
	"errors"
	"io"
)

// What is wrong with a form.
var (
	errFormPayload  = errors.New("the form must have exactly one field payload")
	errFormEncoding = errors.New("the payload is not form-encoded")
)

// formReader reads the value of a form's field payload as a stream, byte for byte what Travis signed.
// It ignores all other fields. A form with two payloads is refused, because other parsers might read the
// other one. Only finish reports whether the form is valid.
type formReader struct {
	body   io.Reader
	buffer []byte // buffer[next:] is read and not yet consumed
	next   int
	err    error // the first one; io.EOF is none
}

func newFormReader(body io.Reader) *formReader {
	return &formReader{body: body, buffer: make([]byte, 0, 8<<10)}
}

// fill reads more of the body. It returns false at its end.
func (f *formReader) fill() bool {
	if f.err != nil {
		return false
	}
	f.next = 0
	for range 100 { // as io.ErrNoProgress has it
		n, err := f.body.Read(f.buffer[:cap(f.buffer)])
		f.buffer = f.buffer[:n]
		if n > 0 {
			return true
		}
		if err != nil {
			f.err = err
			return false
		}
	}
	f.err = io.ErrNoProgress
	return false
}

// peek returns the next byte, or false at the end of the body.
func (f *formReader) peek() (byte, bool) {
	if f.next == len(f.buffer) && !f.fill() {
		return 0, false
	}
	return f.buffer[f.next], true
}

// seek advances to the value of the next field payload. It returns false if there is none.
func (f *formReader) seek() bool {
	const name = "payload="
	for {
		matched := 0
		for matched < len(name) {
			c, ok := f.peek()
			if !ok || c != name[matched] {
				break
			}
			f.next++
			matched++
		}
		if matched == len(name) {
			return true
		}
		if !f.skipField() {
			return false
		}
	}
}

// skipField advances to the next field. It returns false at the end.
func (f *formReader) skipField() bool {
	for {
		if end := bytes.IndexByte(f.buffer[f.next:], '&'); end >= 0 {
			f.next += end + 1
			return true
		}
		f.next = len(f.buffer)
		if !f.fill() {
			return false
		}
	}
}

// Read reads the value that seek has found, decoded.
func (f *formReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && f.err == nil {
		if f.next == len(f.buffer) && (n > 0 || !f.fill()) { // do not wait if something can be returned
			break
		}
		if f.buffer[f.next] == '&' {
			break
		}
		n += f.decode(p[n:])
	}
	switch {
	case n > 0 || len(p) == 0:
		return n, nil
	case f.err != nil:
		return 0, f.err
	}
	return 0, io.EOF
}

// decode decodes the buffer up to and including the next escape.
func (f *formReader) decode(p []byte) int {
	b := f.buffer[f.next:]
	n := 0
	for n < len(p) && n < len(b) && b[n] != '%' && b[n] != '+' && b[n] != '&' {
		p[n] = b[n]
		n++
	}
	f.next += n
	switch {
	case n == len(p) || n == len(b) || b[n] == '&':
		return n
	case b[n] == '+':
		f.next++
		p[n] = ' '
		return n + 1
	}
	f.next++
	high, low := f.hex(), f.hex()
	if f.err != nil {
		return n
	}
	p[n] = high<<4 | low
	return n + 1
}

// hex reads one hexadecimal digit.
func (f *formReader) hex() byte {
	c, ok := f.peek()
	switch {
	case !ok:
		if errors.Is(f.err, io.EOF) {
			f.err = errFormEncoding
		}
		return 0
	case '0' <= c && c <= '9':
		c -= '0'
	case 'a' <= c && c <= 'f':
		c -= 'a' - 10
	case 'A' <= c && c <= 'F':
		c -= 'A' - 10
	default:
		f.err = errFormEncoding
		return 0
	}
	f.next++
	return c
}

// finish reads the body to its end, past the payload, and returns what is wrong with the form.
func (f *formReader) finish() error {
	again := f.skipField() && f.seek()
	switch {
	case f.err != nil && !errors.Is(f.err, io.EOF):
		return f.err
	case again:
		return errFormPayload
	}
	return nil
}
