package receiver

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
)

// readForm returns the payload of a form.
func readForm(body io.Reader) (string, error) {
	f := newFormReader(body)
	if !f.seek() {
		if err := f.finish(); err != nil {
			return "", err
		}
		return "", errFormPayload
	}
	payload, err := io.ReadAll(f)
	if err != nil {
		return "", err
	}
	return string(payload), f.finish()
}

// FuzzFormReader compares with the standard library, for bodies that arrive at once and byte by byte.
func FuzzFormReader(f *testing.F) {
	for _, seed := range []string{
		"", "+", "%", "%4", "%41", "%4g", "%zz", "a+b%2Bc%20d", "%25%32%35", "ß%C3%9F\x00", "%ff%", "100%", strings.Repeat("%7B", 10_000),
		"a&x=%zz", "a&payload", "a&payload=", "&payload=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, rest, _ := strings.Cut(text, "&")
		want, wrong := url.QueryUnescape(value)
		twice := strings.HasPrefix(rest, "payload=") || strings.Contains(rest, "&payload=")
		for name, body := range map[string]io.Reader{
			"at once": strings.NewReader("x=1&payload=" + text), "by bytes": iotest.OneByteReader(strings.NewReader("payload=" + text)),
		} {
			got, err := readForm(body)
			if (err == nil) != (wrong == nil && !twice) || err == nil && got != want {
				t.Errorf("%s: %q becomes %q, %v; the standard library says %q, %v", name, text, got, err, want, wrong)
			}
		}
	})
}

func TestAFormHasOnePayload(t *testing.T) {
	tests := map[string]error{
		"": errFormPayload, "payload": errFormPayload, "a=payload=": errFormPayload, "Payload=1": errFormPayload, "payload=1&payload=2": errFormPayload,
		"payload=": nil, "a=b&payload=1": nil, "payload=1&c&=&%zz": nil, "pay&payload=1": nil, "payload=%": errFormEncoding,
	}
	for body, want := range tests {
		if _, err := readForm(strings.NewReader(body)); err != want { //nolint:errorlint // exactly this one
			t.Errorf("%q: %v, want %v", body, err, want)
		}
	}
}

func BenchmarkForm(b *testing.B) {
	body := []byte("payload=" + strings.Repeat("%E4%BF%AE", 10_000) + strings.Repeat("plain+text", 5_000))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		f := newFormReader(bytes.NewReader(body))
		f.seek()
		if _, err := io.Copy(io.Discard, f); err != nil {
			b.Fatal(err)
		}
	}
}
