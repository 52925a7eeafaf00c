package travis

import (
	"bytes"
	"encoding/json"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// FuzzScannerAcceptsWhatTheStandardLibraryAccepts compares with encoding/json which input is valid, and how
// strings are decoded.
func FuzzScannerAcceptsWhatTheStandardLibraryAccepts(f *testing.F) {
	for _, seed := range []string{
		"", "null", "nul", "truefalse", "[]", "[1,]", "[,1]", "{}", `{"a":1,}`, `{"a" :[{"b":[]}] }`, `{"a"}`, `{a:1}`, "[1 2]", "[}", "{]", "[1}", `{"a":1]`, "[[1}]", "1 2",
		"0", "-0", "01", "1.", ".5", "-", "1e", "1e+5", "1E-5", "1.5e300", strings.Repeat("9", 100),
		`"a"`, `"`, `"\`, `"\"`, `"\u00e9"`, `"\u12"`, `"\u00G0"`, `"\u00g0"`, `"\u00fF"`, `"\x"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83d\n"`, `"\ud83d\ud83d\ude00"`, `"\ud83dx"`,
		"\"\x1f\"", "\"\x00\"", "\"\xff\xfe\"", "\"\u00e9\"", "\x00", "1\x00", " \t\r\n1 ",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, source := range map[string]io.Reader{"whole": bytes.NewReader(text), "by bytes": iotest.OneByteReader(bytes.NewReader(text))} {
			s := newScanner(source)
			s.skip()
			s.end()
			if valid := json.Valid(text); valid != (s.err == nil) {
				t.Fatalf("%s: %q is JSON: %t, and the scanner says %v", name, text, valid, s.err)
			}
		}
		var want string
		if utf8.Valid(text) && json.Unmarshal(text, &want) == nil && len(want) <= maxString {
			if got := newScanner(bytes.NewReader(text)).value(maxString); got.kind == kindText && got.text != want {
				t.Fatalf("%q means %q, and not %q", text, want, got.text)
			}
		}
	})
}

// endless is a payload of size bytes, most of it one skipped or cut value.
func endless(size int64, head, filling, tail string) io.Reader {
	repeated := io.LimitReader(&repeat{text: filling}, size/int64(len(filling))*int64(len(filling)))
	return io.MultiReader(strings.NewReader(head), repeated, strings.NewReader(tail))
}

// repeat is an endless reader of its text.
type repeat struct {
	text string
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], r.text[r.at:])
		n, r.at = n+c, (r.at+c)%len(r.text)
	}
	return n, nil
}

func TestAPayloadOfAnySizeTakesTheSameMemory(t *testing.T) {
	const identity = `{"id":1,"status":0,"repository":{"id":1,"name":"a","owner_name":"b"},`
	tests := map[string][3]string{
		"a long message":             {identity + `"message":"`, "ü", `"}`},
		"a long string, not kept":    {identity + `"config":{"a":"`, "x", `"}}`},
		"a message of escapes":       {identity + `"message":"`, `\u4fee`, `"}`},
		"a long number":              {identity + `"number":1`, "1", `}`},
		"many unknown fields":        {identity + `"config":{`, `"a":1,`, `"a":1}}`},
		"many jobs":                  {identity + `"matrix":[`, `{"id":1,"number":"1.1"},`, `{}]}`},
		"many lists":                 {identity + `"config":[`, `[[]],`, `1]}`},
		"much white space":           {identity, " ", `"a":1}`},
		"a long name":                {identity + `"`, "n", `":1}`},
		"the same field many times":  {identity, `"message":"x",`, `"message":"y"}`},
		"the same matrix many times": {identity, `"matrix":[{"id":1}],`, `"matrix":[]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			const size = 16 << 20
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			e, err := Read(&live{Reader: endless(size, test[0], test[1], test[2]), most: &after})
			if err != nil {
				t.Fatal(err)
			}
			if e.Build.ID != 1 {
				t.Errorf("decoded to %+v", e)
			}
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
				t.Errorf("16 MiB of payload take %d kB", grown>>10)
			}
		})
	}
}

// live measures the live heap every 4 MiB.
type live struct {
	io.Reader
	read int64
	most *runtime.MemStats
}

func (l *live) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if before := l.read; (before+int64(n))>>22 != before>>22 {
		runtime.GC()
		var now runtime.MemStats
		if runtime.ReadMemStats(&now); now.HeapAlloc > l.most.HeapAlloc {
			*l.most = now
		}
	}
	l.read += int64(n)
	return n, err
}
