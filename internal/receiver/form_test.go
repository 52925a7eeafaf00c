package receiver

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzUnescape holds it against the standard library.
func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{"", "+", "%", "%4", "%41", "%4g", "%zz", "a+b%2Bc%20d", "%25%32%35", "ß%C3%9F\x00", "%ff%", "100%", strings.Repeat("%7B", 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := url.QueryUnescape(text)
		got, ok := unescape([]byte(text))
		if ok != (err == nil) || string(got) != want {
			t.Errorf("%q becomes %q, %t, and the standard library says %q, %v", text, got, ok, want, err)
		}
	})
}

func TestAPayloadIsHeldOnce(t *testing.T) {
	body := []byte("payload=" + strings.Repeat("%7Ba+b%7D", 10_000))
	var a *answer
	allocations := testing.AllocsPerRun(1, func() { _, a = parseForm(body) })
	if a != nil || allocations > 0 {
		t.Errorf("taking it out of the form allocates %v times (%v)", allocations, a)
	}
}
