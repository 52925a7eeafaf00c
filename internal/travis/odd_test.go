package travis_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// essential are the required fields: those that identify the repository and the build, and one with the
// result.
var essential = []string{"repository", "repository.id", "repository.name", "repository.owner_name", "id", "status_message"}

// full returns a payload with every field that the sender writes.
func full(t testing.TB) map[string]any {
	var payload map[string]any
	b := travistest.Build{Type: travis.PullRequest, Result: travis.Failed, Finished: finished}
	if err := json.Unmarshal(b.Payload(), &payload); err != nil {
		t.Fatal(err)
	}
	return payload
}

// paths walks a payload and returns the path of every value in it, such as matrix.0.id.
func paths(prefix string, v any) []string {
	var all []string
	add := func(name string, v any) {
		all = append(append(all, prefix+name), paths(prefix+name+".", v)...)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			add(name, v[name])
		}
	case []any:
		for i := range v {
			add(fmt.Sprint(i), v[i])
		}
	}
	return all
}

// set replaces the value at path, if it still exists.
func set(v any, path string, value any) {
	name, rest, more := strings.Cut(path, ".")
	switch v := v.(type) {
	case map[string]any:
		if !more {
			v[name] = value
		} else {
			set(v[name], rest, value)
		}
	case []any:
		var i int
		if _, err := fmt.Sscan(name, &i); err != nil || i >= len(v) {
			return
		}
		if !more {
			v[i] = value
		} else {
			set(v[i], rest, value)
		}
	}
}

// anyJSON generates any JSON value, odd ones more often.
func anyJSON(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.SampledFrom([]any{
			nil, true, false, 0, -1, 1, 0.5, -1e300, 1e21, json.Number("1" + strings.Repeat("0", 400)), math.MaxInt64, "", "0", "-7", "1.5", "yes",
			"1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "2026-11-26T10:00:00", "26 Nov 2026", "2026-11-26 10:00:00 UTC",
			strings.Repeat("x", 100_000), "\x00\u001b\ud7ff", "http://[", "exploded",
		}),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Float64Range(-1e18, 1e18), func(f float64) any { return f }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
	)
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(anyJSON(depth-1), 0, 4), func(list []any) any { return list }),
		rapid.Map(rapid.MapOfN(rapid.String(), anyJSON(depth-1), 0, 4), func(object map[string]any) any { return object }),
	)
}

// TestAnyValueInAnOptionalFieldGivesAnEvent replaces random fields of a full payload with random JSON
// values.
func TestAnyValueInAnOptionalFieldGivesAnEvent(t *testing.T) {
	inessential := slices.DeleteFunc(append(paths("", full(t)), "new_field", "repository.new_field", "matrix.0.new_field"),
		func(path string) bool { return slices.Contains(essential, path) })
	rapid.Check(t, func(t *rapid.T) {
		payload := full(noFail{})
		for _, path := range rapid.SliceOfNDistinct(rapid.SampledFrom(inessential), 1, 8, rapid.ID).Draw(t, "paths") {
			set(payload, path, anyJSON(2).Draw(t, path))
		}
		checkEvent(t, payload)
	})
	for _, path := range inessential {
		payload := full(t)
		set(payload, path, []any{map[string]any{"a": 1}})
		checkEvent(t, payload)
	}
}

// noFail is for payloads that are known to be valid.
type noFail struct{ testing.TB }

// checkEvent checks that the payload gives an event, and that it can be stored and read again.
func checkEvent(t interface{ Fatalf(string, ...any) }, payload map[string]any) {
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	e, err := travis.Decode(text)
	if err != nil {
		t.Fatalf("refused: %v\n%.2000s", err, text)
	}
	if e.Repository != (travis.Repository{ID: 1234, Owner: "example", Name: "example"}) || e.Build.ID != 56789 || e.Build.Result != travis.Failed {
		t.Fatalf("another event: %+v", e)
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
		t.Fatalf("the stored event reads differently: %s", diff)
	}
	checkFacts(t, e)
}

// checkFacts checks that the event contains no impossible values.
func checkFacts(t interface{ Fatalf(string, ...any) }, e *travis.Event) {
	if e.Build.Duration < 0 {
		t.Fatalf("the duration is %s", e.Build.Duration)
	}
	if elapsed, ok := e.Build.Elapsed(); ok && elapsed < 0 {
		t.Fatalf("it took %s", elapsed)
	}
	if e.PullRequest != nil && e.PullRequest.Number < 0 {
		t.Fatalf("the pull request is %d", e.PullRequest.Number)
	}
	for _, at := range []time.Time{e.Build.Started, e.Build.Finished, e.Commit.Committed} {
		if !at.IsZero() && (at.Year() < 1970 || at.Year() > 9998) {
			t.Fatalf("a time is %s", at)
		}
	}
	for _, j := range e.Jobs {
		if j.ID == 0 && j.Number == "" {
			t.Fatalf("a job is %+v", j)
		}
	}
}

func TestOddValues(t *testing.T) {
	none := time.Time{}
	utc := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		field string
		value any
		got   func(*travis.Event) any
		want  any
	}{
		"negative duration":         {"duration", -1, func(e *travis.Event) any { return e.Build.Duration }, time.Duration(0)},
		"fractional duration":       {"duration", 1.5, func(e *travis.Event) any { return e.Build.Duration }, time.Duration(0)},
		"textual duration":          {"duration", "300", func(e *travis.Event) any { return e.Build.Duration }, 5 * time.Minute},
		"endless duration":          {"duration", int64(1) << 60, func(e *travis.Event) any { return e.Build.Duration }, time.Duration(0)},
		"build number as a number":  {"number", 7, func(e *travis.Event) any { return e.Build.Number }, "7"},
		"build number as a list":    {"number", []int{7}, func(e *travis.Event) any { return e.Build.Number }, ""},
		"committed before 1970":     {"committed_at", "1969-12-31T23:59:59Z", func(e *travis.Event) any { return e.Commit.Committed }, none},
		"started in year 1":         {"started_at", "0001-01-01T00:00:00Z", func(e *travis.Event) any { return e.Build.Started }, none},
		"no zone":                   {"started_at", "2026-11-26T10:00:00", func(e *travis.Event) any { return e.Build.Started }, utc},
		"as Ruby prints it":         {"started_at", "2026-11-26 10:00:00 UTC", func(e *travis.Event) any { return e.Build.Started }, utc},
		"another zone":              {"started_at", "2026-11-26T11:00:00+01:00", func(e *travis.Event) any { return e.Build.Started }, utc},
		"small letters":             {"started_at", "2026-11-26t10:00:00z", func(e *travis.Event) any { return e.Build.Started }, utc},
		"a time as a number":        {"started_at", 1_800_000_000, func(e *travis.Event) any { return e.Build.Started }, none},
		"an unknown type":           {"type", "merge_group", func(e *travis.Event) any { return e.Build.Type }, travis.BuildType("merge_group")},
		"an unknown state":          {"state", "exploded", func(e *travis.Event) any { return e.Build.State }, "passed"},
		"a branch that is a number": {"branch", json.Number("1.0"), func(e *travis.Event) any { return e.Build.Branch }, "1.0"},
		"a branch that is true":     {"branch", true, func(e *travis.Event) any { return e.Build.Branch }, ""},
		"a URL without an end":      {"build_url", "https://example.com/" + strings.Repeat("a", 2000), func(e *travis.Event) any { return e.Build.URL }, ""},
		"a matrix that is none":     {"matrix", "none", func(e *travis.Event) any { return len(e.Jobs) }, 0},
		"jobs that are none":        {"matrix", []any{1, nil, []any{}, map[string]any{}, map[string]any{"id": "8"}}, func(e *travis.Event) any { return len(e.Jobs) }, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := travis.Decode(travistest.Build{Fields: map[string]any{test.field: test.value}}.Payload())
			if err != nil {
				t.Fatal(err)
			}
			if got := test.got(e); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestNumberOfAPullRequest(t *testing.T) {
	tests := map[string]struct {
		fields map[string]any
		want   int64
	}{
		"as sent":                     {map[string]any{"pull_request_number": 7}, 7},
		"as text":                     {map[string]any{"pull_request_number": "7"}, 7},
		"zero, with a page":           {map[string]any{"pull_request_number": 0, "compare_url": "https://github.com/example/example/pull/1728"}, 1728},
		"negative, with a page":       {map[string]any{"pull_request_number": -3, "compare_url": "https://github.com/example/example/pull/1728/files"}, 1728},
		"absent, at Bitbucket":        {map[string]any{"pull_request_number": nil, "compare_url": "https://bitbucket.org/example/example/pull-requests/5"}, 5},
		"absent, at GitLab":           {map[string]any{"pull_request_number": nil, "compare_url": "https://gitlab.com/example/example/-/merge_requests/6"}, 6},
		"absent, with page 0":         {map[string]any{"pull_request_number": nil, "compare_url": "https://github.com/example/example/pull/0"}, 0},
		"absent, without a page":      {map[string]any{"pull_request_number": nil, "compare_url": "https://github.com/example/example/compare/a...b"}, 0},
		"absent, number in the query": {map[string]any{"pull_request_number": nil, "compare_url": "https://github.com/x?/pull/9"}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := travis.Decode(travistest.Build{Type: travis.PullRequest, Fields: test.fields}.Payload())
			if err != nil {
				t.Fatal(err)
			}
			if e.PullRequest == nil || e.PullRequest.Number != test.want {
				t.Errorf("pull request is %+v, want number %d", e.PullRequest, test.want)
			}
		})
	}
}
