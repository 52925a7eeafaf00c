// Package secret holds values that must never be printed.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// Value is a secret string. Formatted, logged or marshalled, it is always [redacted]; only Reveal returns
// it, so a reviewer can find every use by that name. The zero Value is an empty secret. Equal compares
// two; == does not compile.
type Value struct {
	_ [0]func()
	// v is a pointer, because fmt prints unexported fields of a struct without their methods.
	v *string
}

// New wraps v.
func New(v string) Value {
	if v == "" {
		return Value{}
	}
	return Value{v: &v}
}

// Reveal returns the secret itself. Pass the result on to the protocol that needs it and nowhere else.
func (s Value) Reveal() string {
	if s.v == nil {
		return ""
	}
	return *s.v
}

// Empty reports whether the secret is empty.
func (s Value) Empty() bool { return s.v == nil }

// WithoutNewline returns the value without one trailing newline, because editors and echo add one: on Windows, \r\n.
func (s Value) WithoutNewline() Value {
	line, found := strings.CutSuffix(s.Reveal(), "\n")
	if found {
		line = strings.TrimSuffix(line, "\r")
	}
	return New(line)
}

// Equal compares in constant time; only a difference in length shows in the time taken.
func (s Value) Equal(o Value) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// String implements fmt.Stringer.
func (Value) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Value) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb bypasses String.
func (Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText implements encoding.TextMarshaler, and with it JSON and YAML.
func (Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalLog implements logr.Marshaler.
func (Value) MarshalLog() any { return redacted }

// LogValue implements slog.LogValuer.
func (Value) LogValue() slog.Value { return slog.StringValue(redacted) }
