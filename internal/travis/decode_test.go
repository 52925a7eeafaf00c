package travis_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/recorded"
)

var finished = time.Date(2026, 1, 3, 10, 22, 5, 0, time.UTC)

func TestDecodeKeepsWhatIsShown(t *testing.T) {
	got, err := travis.Decode(travistest.Build{Finished: finished, Message: "One\n\ntwo"}.Payload())
	if err != nil {
		t.Fatal(err)
	}
	const sha = "62aae5f70ceee39123ef62aae5f70ceee39123ef"
	want := &travis.Event{
		Repository: travis.Repository{ID: 1234, Owner: "example", Name: "example"},
		Build: travis.Build{
			ID: 56789, Number: "123", Type: travis.Push, State: "passed", Result: travis.Passed, Branch: "main",
			URL:     "https://app.travis-ci.com/example/example/builds/56789",
			Started: finished.Add(-time.Minute), Finished: finished, Duration: time.Minute,
		},
		Commit: travis.Commit{
			SHA: sha, Message: "One\n\ntwo", Author: "Ann Author", AuthorHash: travis.HashEmail("author@example.com"), Committer: "Carl Committer",
			Committed:  finished.Add(-2 * time.Minute),
			CompareURL: "https://github.com/example/example/compare/0123456789ab..." + sha[:12],
		},
		Jobs: []travis.Job{{
			ID: 56790, Number: "123.1", State: "passed", Started: finished.Add(-time.Minute), Finished: finished,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeKeepsNoAddressAndNoConfiguration(t *testing.T) {
	b := travistest.Build{Fields: map[string]any{"config": map[string]any{"env": "a-setting"}}}
	e, err := travis.Decode(b.Payload())
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	// printf author@example.com | sha256sum
	if want := "b0eda69977c26118feff17875d53376006568bcbcde5ca0c916d01f05c281436"; e.Commit.AuthorHash != want {
		t.Errorf("the author's hash is %q, want %q", e.Commit.AuthorHash, want)
	}
	for _, unwanted := range []string{"@example.com", "a-setting"} {
		if strings.Contains(string(stored), unwanted) {
			t.Errorf("the stored event holds %q: %s", unwanted, stored)
		}
	}
}

func TestDecodeResults(t *testing.T) {
	for _, want := range travis.Results {
		e, err := travis.Decode(travistest.Build{Result: want}.Payload())
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if e.Build.Result != want {
			t.Errorf("result is %q, want %q", e.Build.Result, want)
		}
		if (want == travis.Pending) != e.Build.Finished.IsZero() {
			t.Errorf("%s: finished at %v", want, e.Build.Finished)
		}
	}
}

// absent leaves fields out, as older senders did, and sets others.
func absent(set map[string]any, names ...string) map[string]any {
	fields := map[string]any{}
	for _, n := range names {
		fields[n] = travistest.Absent
	}
	for n, v := range set {
		fields[n] = v
	}
	return fields
}

func TestDecodeOldPayloads(t *testing.T) {
	messages := []string{"status_message", "result_message"}
	since2015 := []string{"state", "pull_request", "pull_request_number", "pull_request_title", "tag", "base_commit", "head_commit"}
	tests := map[string]struct {
		fields map[string]any
		result travis.Result
		state  string
		kind   travis.BuildType
		pr     *travis.PR
	}{
		"2013, no type and no state":     {absent(map[string]any{"status_message": "Fixed"}, append(since2015, "type")...), travis.Fixed, "passed", travis.Push, nil},
		"2014, pending with status 1":    {absent(map[string]any{"status_message": "Pending", "status": 1, "finished_at": nil}, since2015...), travis.Pending, "started", travis.Push, nil},
		"only result_message":            {absent(map[string]any{"result_message": "Still Failing"}, "status_message", "state"), travis.StillFailing, "failed", travis.Push, nil},
		"only the state":                 {absent(map[string]any{"state": "errored"}, messages...), travis.Errored, "errored", travis.Push, nil},
		"only status 0":                  {absent(map[string]any{"status": 0}, append(messages, "state", "result")...), travis.Passed, "passed", travis.Push, nil},
		"only result 1":                  {absent(map[string]any{"result": 1}, append(messages, "state", "status")...), travis.Failed, "failed", travis.Push, nil},
		"only status 1, not finished":    {absent(map[string]any{"status": 1, "finished_at": nil}, append(messages, "state")...), travis.Pending, "started", travis.Push, nil},
		"an unknown message":             {map[string]any{"status_message": "Exploded", "result_message": nil, "state": "failed"}, travis.Failed, "failed", travis.Push, nil},
		"pull_request as a number":       {absent(map[string]any{"pull_request": 7}, "type", "pull_request_number"), travis.Passed, "passed", travis.PullRequest, &travis.PR{Number: 7}},
		"pull_request as null":           {absent(map[string]any{"pull_request": nil}, "type"), travis.Passed, "passed", travis.Push, nil},
		"pull_request true without type": {absent(map[string]any{"pull_request": true, "pull_request_number": 9}, "type"), travis.Passed, "passed", travis.PullRequest, &travis.PR{Number: 9}},
		"everything nullable is null": {map[string]any{
			"branch": nil, "commit": nil, "message": nil, "author_name": nil, "build_url": nil, "compare_url": nil,
			"started_at": nil, "finished_at": nil, "committed_at": nil, "duration": nil, "matrix": nil, "config": nil,
		}, travis.Passed, "passed", travis.Push, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := travis.Decode(travistest.Build{Fields: test.fields}.Payload())
			if err != nil {
				t.Fatal(err)
			}
			if e.Build.Result != test.result || e.Build.State != test.state || e.Build.Type != test.kind {
				t.Errorf("result, state and type are %q, %q, %q, want %q, %q, %q",
					e.Build.Result, e.Build.State, e.Build.Type, test.result, test.state, test.kind)
			}
			if diff := cmp.Diff(test.pr, e.PullRequest); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeKeepsLargeNumbersExact(t *testing.T) {
	const large = 1<<62 + 1
	e, err := travis.Decode(travistest.Build{ID: large, RepositoryID: large}.Payload())
	if err != nil {
		t.Fatal(err)
	}
	if e.Build.ID != large || e.Repository.ID != large {
		t.Errorf("ids are %d and %d, want %d", e.Build.ID, e.Repository.ID, int64(large))
	}
}

func TestDecodeCutsWhatIsLong(t *testing.T) {
	jobs := make([]map[string]any, 600)
	for i := range jobs {
		jobs[i] = map[string]any{"id": i + 1, "number": fmt.Sprintf("1.%d", i+1)}
	}
	e, err := travis.Decode(travistest.Build{
		Message: strings.Repeat("ü", 16<<10),
		Branch:  "x" + strings.Repeat("ü", 1<<10),
		Fields:  map[string]any{"matrix": jobs},
	}.Payload())
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("ü", 8<<10); e.Commit.Message != want {
		t.Errorf("the message has %d bytes, want %d", len(e.Commit.Message), len(want))
	}
	if want := "x" + strings.Repeat("ü", 511); e.Build.Branch != want {
		t.Errorf("the branch has %d bytes, want %d and no half character", len(e.Build.Branch), len(want))
	}
	if len(e.Jobs) != 512 {
		t.Errorf("%d jobs, want 512", len(e.Jobs))
	}
}

func TestHashEmail(t *testing.T) {
	want := travis.HashEmail("ada@example.com")
	for address, want := range map[string]string{" Ada@Example.COM\n": want, "": "", "ada": "", "@example.com": "", "ada@": ""} {
		if got := travis.HashEmail(address); got != want {
			t.Errorf("HashEmail(%q) is %q, want %q", address, got, want)
		}
	}
}

func TestDecodeKeepsTheNamesOfJobs(t *testing.T) {
	b := travistest.Build{Fields: map[string]any{"matrix": []any{
		map[string]any{"id": 1, "number": "5.1", "config": map[string]any{"os": "linux", "name": "unit tests", "env": []string{"A=secret"}}},
		map[string]any{"id": 2, "number": "5.2", "config": map[string]any{"name": []string{"no name"}}},
		map[string]any{"id": 3, "number": "5.3", "config": "name"},
		map[string]any{"id": 4, "number": "5.4", "config": map[string]any{"name": strings.Repeat("n", 1000)}},
		"no job", map[string]any{"name": "not in config"},
	}}}
	e, err := travis.Decode(b.Payload())
	if err != nil {
		t.Fatal(err)
	}
	want := []travis.Job{
		{ID: 1, Number: "5.1", Name: "unit tests"}, {ID: 2, Number: "5.2"}, {ID: 3, Number: "5.3"},
		{ID: 4, Number: "5.4", Name: strings.Repeat("n", 64)},
	}
	if diff := cmp.Diff(want, e.Jobs); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeKeepsStrangeCharacters(t *testing.T) {
	payload := strings.ReplaceAll(string(travistest.Build{Message: "MARK"}.Payload()), "MARK", "a\xff\\u0000\\u001b[31m\\r\\n\\ud800b")
	e, err := travis.Decode([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if want := "a\ufffd\x00\x1b[31m\r\n\ufffdb"; e.Commit.Message != want {
		t.Errorf("the message is %q, want %q", e.Commit.Message, want)
	}
}

func TestDecodeRefusesOnlyWhatIdentityAndResultNeed(t *testing.T) {
	with := func(name string, v any) string {
		return string(travistest.Build{Fields: map[string]any{name: v}}.Payload())
	}
	repository := func(id, owner, name any) string {
		return with("repository", map[string]any{"id": id, "owner_name": owner, "name": name})
	}
	const notSlug = "payload's repository is not owner/name with ASCII letters, digits, '.', '-', '_' and '~'"
	tests := map[string]struct{ payload, want string }{
		"empty":                             {"", "payload is not a JSON object"},
		"truncated":                         {`{"id": 12`, "payload is not JSON: wrong at byte 10"},
		"text":                              {"hello", "payload is not a JSON object"},
		"two values":                        {"{} {}", "payload is not JSON: wrong at byte 4"},
		"null":                              {"null", "payload is not a JSON object"},
		"a list":                            {"[]", "payload is not a JSON object"},
		"no slug":                           {"{}", "payload has no repository.owner_name"},
		"repository a list":                 {with("repository", []int{1}), "payload has no repository.owner_name"},
		"no name":                           {repository(1, "example", nil), "payload has no repository.name"},
		"no repository id":                  {repository(nil, "example", "example"), "payload has no repository.id"},
		"a fractional repository id":        {repository(1.5, "example", "example"), "payload has no repository.id"},
		"a slash in a name":                 {repository(1, "example", "a/b"), notSlug},
		"a letter that only looks like one": {repository(1, "\u212Aelvin", "a"), notSlug},
		"a line break":                      {repository(1, "exam\nple", "a"), notSlug},
		"no id":                             {with("id", nil), "payload has no id"},
		"id too large":                      {strings.Replace(with("id", 7), `"id":7`, `"id":99999999999999999999`, 1), "payload has no id"},
		"no result": {string(travistest.Build{Fields: absent(nil, "state", "status", "result", "status_message", "result_message")}.Payload()),
			"payload has no result: no known status_message, state or status"},
		"deep":               {strings.Repeat("[", 1<<20), "payload is not a JSON object"},
		"deep configuration": {`{"config":` + strings.Repeat(`{"a":`, 1<<18), "payload is nested more than 10000 deep"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := travis.Decode([]byte(test.payload))
			switch {
			case err == nil:
				t.Fatalf("decoded to %+v", e)
			case err.Error() != test.want:
				t.Errorf("error is %q, want %q", err, test.want)
			}
		})
	}
}

// TestDecodeRecorded reads payloads that Travis sent from 2013 to 2026. They contain other people's names,
// so they are not part of the project.
func TestDecodeRecorded(t *testing.T) {
	folder := recorded.Folder(t, "payloads")
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no payloads in %s: %v", folder, err)
	}
	for _, f := range files {
		payload, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		e, err := travis.Decode(payload)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
			continue
		}
		t.Logf("%s: %s %s %s %s", filepath.Base(f), e.Repository.Slug(), e.Build.Type, e.Build.Result, e.Build.State)
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range travis.Results {
		f.Add(travistest.Build{Result: r, Type: travis.PullRequest, Finished: finished}.Payload())
	}
	f.Add([]byte(`{"repository":{"id":1,"name":"a","owner_name":"b"},"id":1,"status":0,"matrix":[null,{}]}`))
	f.Add([]byte("{\"message\":\"\xff\""))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := travis.Decode(payload)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") || len(err.Error()) > 200 {
				t.Errorf("the error is not one short line: %q", err)
			}
			return
		}
		stored, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("the event cannot be stored: %v", err)
		}
		var back travis.Event
		if err := json.Unmarshal(stored, &back); err != nil {
			t.Fatalf("the stored event cannot be read: %v", err)
		}
		if diff := cmp.Diff(e, &back); diff != "" {
			t.Errorf("the stored event reads differently: %s", diff)
		}
	})
}
