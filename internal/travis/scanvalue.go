package travis

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxNumber is longer than any number that an event can use.
const maxNumber = 40

// readNumber reads a number into s.text, as it is written.
func (s *scanner) readNumber() {
	s.text, s.cut = s.text[:0], false
	s.sign("-")
	if s.peek() == '0' {
		s.takeDigit()
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.takeDigit()
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.takeDigit()
		s.sign("+-")
		s.digits()
	}
}

// sign reads one of signs, if it is there.
func (s *scanner) sign(signs string) {
	if c := s.peek(); c != 0 && strings.IndexByte(signs, c) >= 0 {
		s.takeDigit()
	}
}

// digits reads one digit or more.
func (s *scanner) digits() {
	if !isDigit(s.peek()) {
		s.fail()
	}
	for isDigit(s.peek()) {
		s.takeDigit()
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// takeDigit moves the next byte into s.text.
func (s *scanner) takeDigit() {
	if s.cut = len(s.text) == maxNumber; !s.cut {
		s.text = append(s.text, s.buffer[s.next])
	}
	s.next++
}

// readString reads and decodes a string into s.text. If it is longer than limit, it keeps at least limit
// bytes and few more.
func (s *scanner) readString(limit int) {
	s.text, s.cut = s.text[:0], false
	if s.peek() != '"' {
		s.fail()
		return
	}
	s.next++
	var high rune // the first half of a surrogate pair
	for s.err == nil {
		if n := plainBytes(s.buffer[s.next:]); n > 0 {
			high = s.loneHalf(limit, high)
			s.keep(limit, s.buffer[s.next:s.next+n])
			s.next += n
		}
		switch c := s.peek(); {
		case c == '"':
			s.loneHalf(limit, high)
			s.next++
			return
		case c == '\\':
			s.next++
			high = s.escape(limit, high)
		case c < ' ':
			s.fail()
		}
	}
}

// plainBytes counts the unescaped bytes at the beginning of b.
func plainBytes(b []byte) int {
	n := 0
	for n < len(b) && b[n] != '"' && b[n] != '\\' && b[n] >= ' ' {
		n++
	}
	return n
}

// keep appends to s.text, up to a character more than limit.
func (s *scanner) keep(limit int, text []byte) {
	if room := max(limit+utf8.UTFMax-len(s.text), 0); len(text) > room {
		text, s.cut = text[:room], true
	}
	s.text = append(s.text, text...)
}

// loneHalf keeps U+FFFD for a surrogate without its other half.
func (s *scanner) loneHalf(limit int, half rune) (none rune) {
	if half != 0 {
		s.keep(limit, []byte("\ufffd"))
	}
	return 0
}

// escape reads an escape after its backslash. high is the preceding high surrogate, or 0; so is the result.
func (s *scanner) escape(limit int, high rune) rune {
	r := s.escaped()
	if whole := utf16.DecodeRune(high, r); whole != utf8.RuneError {
		r, high = whole, 0
	}
	s.loneHalf(limit, high)
	if utf16.IsSurrogate(r) && r < 0xdc00 {
		return r
	}
	var encoded [utf8.UTFMax]byte
	s.keep(limit, utf8.AppendRune(encoded[:0], r))
	return 0
}

// escaped returns the rune of an escape, which may be a surrogate.
func (s *scanner) escaped() rune {
	const letters, meanings = `"\/bfnrtu`, "\"\\/\b\f\n\r\t"
	i := strings.IndexByte(letters, s.peek())
	if i < 0 {
		s.fail()
		return 0
	}
	s.next++
	if i < len(meanings) {
		return rune(meanings[i])
	}
	return s.hex()
}

// hex reads four hexadecimal digits.
func (s *scanner) hex() rune {
	var r rune
	for range 4 {
		digit, ok := hexDigit(s.peek())
		if !ok {
			s.fail()
			return 0
		}
		r = r<<4 | digit
		s.next++
	}
	return r
}

func hexDigit(c byte) (rune, bool) {
	switch {
	case isDigit(c):
		return rune(c - '0'), true
	case 'a' <= c && c <= 'f':
		return rune(c - 'a' + 10), true
	case 'A' <= c && c <= 'F':
		return rune(c - 'A' + 10), true
	}
	return 0, false
}

// validText returns text truncated to limit bytes at a character boundary, with U+FFFD for invalid UTF-8.
func validText(text []byte, limit int) string {
	return cut(strings.ToValidUTF8(string(text), "\ufffd"), limit)
}
