package travis

import (
	"errors"
	"fmt"
	"io"
)

// maxDepth limits the nesting of lists and objects, as in encoding/json.
const maxDepth = 10_000

// scanner reads JSON from a stream with limited memory: it keeps a limited prefix of requested values, and
// nothing of skipped ones.
//
// After the first error, every method returns at once.
type scanner struct {
	source io.Reader
	buffer []byte // buffer[next:] is read and not yet consumed
	next   int
	before int64 // bytes of the stream in front of buffer
	err    error
	text   []byte   // the string or number that was read last
	cut    bool     // text is only its beginning
	levels []uint64 // of skip: a bit for each open level, set for an object
}

func newScanner(source io.Reader) *scanner {
	return &scanner{source: source, buffer: make([]byte, 0, 4<<10)}
}

// valueKind is the kind of a JSON value.
type valueKind byte

const (
	kindNull valueKind = iota // also of an absent field
	kindText
	kindNumber
	kindBool
	kindOther // a list or an object
)

// value is a JSON value. Lists and objects have no content.
type value struct {
	kind valueKind
	text string // of a string a prefix; else the value as written
	cut  bool   // text is only the beginning
}

// fill reads more of the stream. It returns false at its end.
func (s *scanner) fill() bool {
	if s.err != nil {
		return false
	}
	s.before += int64(len(s.buffer))
	s.next = 0
	for range 100 { // as io.ErrNoProgress has it
		n, err := s.source.Read(s.buffer[:cap(s.buffer)])
		s.buffer = s.buffer[:n]
		if n > 0 {
			return true
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.err = fmt.Errorf("read the payload: %w", err)
			}
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// peek returns the next byte without consuming it, or 0 at the end: no JSON holds a bare NUL.
func (s *scanner) peek() byte {
	if s.next == len(s.buffer) && !s.fill() {
		return 0
	}
	return s.buffer[s.next]
}

// token skips white space and returns the first byte of the next token, or 0 at the end.
func (s *scanner) token() byte {
	for {
		switch c := s.peek(); c {
		case ' ', '\t', '\r', '\n':
			s.next++
		default:
			return c
		}
	}
}

// fail records a syntax error at the next byte.
func (s *scanner) fail() {
	if s.err == nil {
		s.err = fmt.Errorf("payload is not JSON: wrong at byte %d", s.before+int64(s.next)+1)
		s.next = len(s.buffer)
	}
}

// accept consumes the next token if it is c.
func (s *scanner) accept(c byte) bool {
	if s.err != nil || s.token() != c {
		return false
	}
	s.next++
	return true
}

// expect consumes c, or fails.
func (s *scanner) expect(c byte) {
	if !s.accept(c) {
		s.fail()
	}
}

// members reads an object and calls member with each of its names, cut at maxName bytes; member
// must read or skip the value that follows.
func (s *scanner) members(member func(name []byte)) {
	s.expect('{')
	if s.accept('}') {
		return
	}
	for s.err == nil {
		s.name()
		if s.err == nil {
			member(s.text)
		}
		if s.accept('}') {
			return
		}
		s.expect(',')
	}
}

// maxName is longer than the name of any field that is kept.
const maxName = 32

// name reads the name of a member into s.text, and the colon behind it.
func (s *scanner) name() {
	s.token()
	s.readString(maxName)
	s.expect(':')
}

// elements reads a list and calls element at each element; element must read or skip it.
func (s *scanner) elements(element func()) {
	s.expect('[')
	if s.accept(']') {
		return
	}
	for s.err == nil {
		element()
		if s.accept(']') {
			return
		}
		s.expect(',')
	}
}

// value reads the next value. It keeps at most limit bytes of it, and nothing of a list or an object.
func (s *scanner) value(limit int) value {
	switch c := s.token(); c {
	case '{', '[':
		s.skip()
		return value{kind: kindOther}
	case '"':
		s.readString(limit)
		return value{kind: kindText, text: validText(s.text, limit), cut: s.cut || len(s.text) > limit}
	case 't':
		return value{kind: kindBool, text: s.literal("true")}
	case 'f':
		return value{kind: kindBool, text: s.literal("false")}
	case 'n':
		s.literal("null")
		return value{}
	default:
		s.readNumber()
		return value{kind: kindNumber, text: string(s.text), cut: s.cut}
	}
}

// skip skips the next value. It is a loop and not a recursion, because a stranger's value may be deeply
// nested.
func (s *scanner) skip() {
	depth := 0
	for s.err == nil {
		switch s.token() {
		case '{':
			s.next++
			depth = s.open(depth, true)
			if s.err == nil && s.token() != '}' {
				s.name()
				continue
			}
		case '[':
			s.next++
			depth = s.open(depth, false)
			if s.token() != ']' {
				continue
			}
		default:
			s.value(0)
		}
		if depth = s.close(depth); depth == 0 {
			return
		}
	}
}

// open enters a list or an object.
func (s *scanner) open(depth int, object bool) int {
	if depth == maxDepth {
		s.err = fmt.Errorf("payload is nested more than %d deep", maxDepth)
		return depth
	}
	if depth/64 == len(s.levels) {
		s.levels = append(s.levels, 0)
	}
	bit := uint64(1) << (depth % 64)
	s.levels[depth/64] &^= bit
	if object {
		s.levels[depth/64] |= bit
	}
	return depth + 1
}

// close continues after a value: it leaves the lists and objects that end there, and advances to the next
// value. It returns the depth, 0 when everything is closed.
func (s *scanner) close(depth int) int {
	for depth > 0 && s.err == nil {
		object := s.levels[(depth-1)/64]>>((depth-1)%64)&1 == 1
		switch c := s.token(); {
		case c == ',':
			s.next++
			if object {
				s.name()
			}
			return depth
		case c == '}' && object, c == ']' && !object:
			s.next++
			depth--
		default:
			s.fail()
		}
	}
	return depth
}

// end fails unless the stream ends here.
func (s *scanner) end() {
	if s.token() != 0 || s.next < len(s.buffer) {
		s.fail()
	}
}

// literal reads true, false or null.
func (s *scanner) literal(word string) string {
	for i := range len(word) {
		if s.peek() != word[i] {
			s.fail()
			return ""
		}
		s.next++
	}
	return word
}
