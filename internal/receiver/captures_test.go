package receiver_test

import (
	"bufio"
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/test/recorded"
)

// TestAsTravisHasSent posts requests in every form that versions of Travis' sender have written.
// TestRecorded posts recorded ones.
func TestAsTravisHasSent(t *testing.T) {
	r := newPopulatedFixture(t)
	legacy := travistest.Build{Repository: "old/old", Fields: map[string]any{
		"type": travistest.Absent, "state": travistest.Absent, "pull_request": travistest.Absent, "tag": travistest.Absent,
	}}
	current := travistest.Build{Repository: "example/Example", ID: 2}
	tagged := travistest.Build{Repository: "open/open", ID: 3, Tag: "v1.0.0"}
	tests := map[string]struct {
		request *http.Request
		changes []change
		want    string
	}{
		"2013, by Authorization alone": {webhook(legacy, nil), []change{header("Authorization", proof("old/old"))}, "202 stored"},
		"2015, by both":                {webhook(current, travistest.Key()), []change{header("Authorization", proof("example/Example"))}, "202 stored"},
		"2026, a tag":                  {webhook(tagged, travistest.Key()), []change{header("Accept-Encoding", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3")}, "202 stored"},
		"2026, without a key":          {webhook(tagged, nil), nil, "401 no_signature"},
	}
	for name, test := range tests {
		for _, change := range test.changes {
			change(test.request)
		}
		if r.send(test.request); r.last() != test.want {
			t.Errorf("%s: %s, want %s", name, r.last(), test.want)
		}
	}
}

// TestRecorded posts whole requests that Travis' sender wrote, byte for byte. They hold other people's
// names, so they are not part of the project.
func TestRecorded(t *testing.T) {
	folder := recorded.Folder(t, "captures")
	pem, err := os.ReadFile(filepath.Join(folder, "signing_public.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := verify.ParseKey(string(pem))
	if err != nil {
		t.Fatal(err)
	}
	const minimal, hook = "svenfuchs/minimal", "malditogeek/hook"
	legacy := func(r *fixture) {
		r.route("team-a", hook, "*")
		r.token("team-a", "token", hook, "sekrit")
	}
	keyless := func(r *fixture) {
		legacy(r)
		var err error
		if r.options.Settings.Keyless, err = verify.ParsePatterns([]string{hook}); err != nil {
			t.Fatal(err)
		}
	}
	granted := func(r *fixture) { r.route("team-a", minimal, "*"); r.grant(minimal) }
	tests := []struct {
		file    string
		prepare func(*fixture)
		want    string
	}{
		{"legacy_authorization_and_signature.raw", legacy, "202 stored"},
		{"legacy_authorization_and_signature.raw", keyless, "202 stored"},
		{"legacy_authorization_only.raw", keyless, "202 stored"},
		{"legacy_authorization_only.raw", legacy, "401 no_signature"},
		{"push_passed.raw", granted, "202 stored"},
		{"push_started.raw", granted, "202 stored"},
		{"push_failed.raw", granted, "202 stored"},
		{"push_still_failing.raw", granted, "202 stored"},
		{"pr_passed.raw", granted, "202 stored"},
		{"tag_passed.raw", granted, "202 stored"},
		{"nokey.raw", granted, "401 no_signature"},
		{"msteams.raw", granted, "415 json"},
		{"push_passed.raw", legacy, "204 unknown_repository"},
	}
	for _, test := range tests {
		raw, err := os.ReadFile(filepath.Join(folder, test.file))
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			t.Fatal(err)
		}
		r := newFixture(t)
		r.keys = []verify.Key{{Name: "captures", Public: key}}
		r.options.Settings.MaxAge = 100 * 365 * 24 * time.Hour
		r.options.Now = func() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }
		test.prepare(r)
		request.RemoteAddr = "192.0.2.7:1"
		if r.send(request); r.last() != test.want {
			t.Errorf("%s: %s, want %s\n%s", test.file, r.last(), test.want, r.logged())
		}
	}
}

// TestRecordedSignature posts the body that travis-ci.org signed.
func TestRecordedSignature(t *testing.T) {
	folder := recorded.Folder(t, "signed")
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	form := read("goneb_body.form.raw")
	signature := bytes.TrimSuffix(read("goneb.sig.b64"), form) // the form follows in the same file
	for file, want := range map[string]string{"travis-ci-org.pub.pem": "202 stored", "travis-ci-com.pub.pem": "403 wrong_signature"} {
		key, err := verify.ParseKey(string(read(file)))
		if err != nil {
			t.Fatal(err)
		}
		r := newFixture(t)
		r.keys = []verify.Key{{Name: file, Public: key}}
		r.options.Settings.MaxAge = 100 * 365 * 24 * time.Hour
		r.route("team-a", "Kegsay/flow-jsdoc", "*")
		r.grant("kegsay/*")
		request := withBody(webhook(travistest.Build{Repository: "Kegsay/flow-jsdoc"}, nil), form)
		request.Header.Set("Signature", string(bytes.TrimSpace(signature)))
		if r.send(request); r.last() != want {
			t.Errorf("%s: %s, want %s", file, r.last(), want)
		}
	}
}
