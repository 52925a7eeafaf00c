package travistest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/travis"
)

// Build is the build of a webhook. The zero value is a push to main of example/example that passed, at
// Finished.
type Build struct {
	Repository   string // owner/name; "example/example" if empty
	RepositoryID int64  // 1234 if zero
	ID           int64  // 56789 if zero
	Number       string // "123" if empty
	Result       travis.Result
	Type         travis.BuildType
	Branch       string
	Tag          string
	Message      string // the commit's
	Author       string
	PullRequest  int64 // 42 if zero and Type is pull_request
	Title        string
	// Started and Finished are the current second, and a minute before it, if zero.
	Started, Finished time.Time
	// Fields overrides fields of the payload by their name in JSON; a value of Absent removes one.
	Fields map[string]any
}

// Absent in Build.Fields removes the field.
var Absent = new(struct{})

const sha = "62aae5f70ceee39123ef62aae5f70ceee39123ef"

// Slug returns owner/name.
func (b Build) Slug() string { return cmp.Or(b.Repository, "example/example") }

// Payload returns the JSON in the format of Travis' sender in 2026.
func (b Build) Payload() []byte {
	fields := b.fields()
	maps.Copy(fields, b.Fields)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == any(Absent) })
	payload, err := json.Marshal(fields)
	if err != nil {
		panic(err) // only Fields can contain unmarshallable values
	}
	return payload
}

func (b Build) fields() map[string]any {
	owner, name, _ := strings.Cut(b.Slug(), "/")
	id := cmp.Or(b.ID, 56789)
	outcome := outcomes[cmp.Or(b.Result, travis.Passed)]
	kind := cmp.Or(b.Type, travis.Push)

	finished := b.Finished
	if finished.IsZero() {
		finished = time.Now().UTC().Truncate(time.Second)
	}
	started := b.Started
	if started.IsZero() {
		started = finished.Add(-time.Minute)
	}
	fields := map[string]any{
		"id":                  id,
		"number":              cmp.Or(b.Number, "123"),
		"config":              map[string]any{"language": "go", "go": []string{"1.26"}, "os": "linux"},
		"type":                kind,
		"state":               outcome.state,
		"status":              outcome.status,
		"result":              outcome.status,
		"status_message":      outcome.message,
		"result_message":      outcome.message,
		"started_at":          started.Format(time.RFC3339),
		"finished_at":         finished.Format(time.RFC3339),
		"duration":            int64(finished.Sub(started) / time.Second),
		"build_url":           fmt.Sprintf("https://app.travis-ci.com/%s/builds/%d", b.Slug(), id),
		"commit_id":           77,
		"commit":              sha,
		"base_commit":         nil,
		"head_commit":         nil,
		"branch":              cmp.Or(b.Branch, "main"),
		"message":             cmp.Or(b.Message, "Say hello <to everyone> & more"),
		"compare_url":         fmt.Sprintf("https://github.com/%s/compare/0123456789ab...%s", b.Slug(), sha[:12]),
		"committed_at":        started.Add(-time.Minute).Format(time.RFC3339),
		"author_name":         cmp.Or(b.Author, "Ann Author"),
		"author_email":        "author@example.com",
		"committer_name":      "Carl Committer",
		"committer_email":     "committer@example.com",
		"pull_request":        false,
		"pull_request_number": nil,
		"pull_request_title":  nil,
		"tag":                 nil,
		"repository": map[string]any{
			"id": cmp.Or(b.RepositoryID, 1234), "name": name, "owner_name": owner, "url": nil,
		},
	}
	if b.Tag != "" {
		fields["tag"], fields["branch"] = b.Tag, cmp.Or(b.Branch, b.Tag)
	}
	if kind == travis.PullRequest {
		number := cmp.Or(b.PullRequest, 42)
		fields["pull_request"] = true
		fields["pull_request_number"] = number
		fields["pull_request_title"] = cmp.Or(b.Title, "Make it better")
		fields["compare_url"] = fmt.Sprintf("https://github.com/%s/pull/%d", b.Slug(), number)
		fields["base_commit"] = strings.Repeat("b", 40)
		fields["head_commit"] = strings.Repeat("a", 40)
	}
	if outcome.state == "started" {
		fields["finished_at"], fields["duration"] = nil, nil
	}
	fields["matrix"] = []any{job(fields)}
	return fields
}

// job returns the build's only job.
func job(build map[string]any) map[string]any {
	fields := map[string]any{
		"id":            build["id"].(int64) + 1,
		"repository_id": build["repository"].(map[string]any)["id"],
		"parent_id":     build["id"],
		"number":        build["number"].(string) + ".1",
		"config":        map[string]any{"language": "go", "go": "1.26", "os": "linux"},
		"allow_failure": nil,
	}
	for _, same := range []string{
		"state", "status", "result", "commit", "branch", "message", "compare_url", "started_at", "finished_at",
		"committed_at", "author_name", "author_email", "committer_name", "committer_email",
	} {
		fields[same] = build[same]
	}
	return fields
}

// outcome is a result in a payload.
type outcome struct {
	state   string
	status  any
	message string
}

var outcomes = map[travis.Result]outcome{
	travis.Pending:      {"started", nil, "Pending"},
	travis.Passed:       {"passed", 0, "Passed"},
	travis.Fixed:        {"passed", 0, "Fixed"},
	travis.Broken:       {"failed", 1, "Broken"},
	travis.Failed:       {"failed", 1, "Failed"},
	travis.StillFailing: {"failed", 1, "Still Failing"},
	travis.Errored:      {"errored", 1, "Errored"},
	travis.Canceled:     {"canceled", nil, "Canceled"},
}
