package travis

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
)

// Decode reads a webhook's payload from memory. See Read.
func Decode(payload []byte) (*Event, error) { return Read(bytes.NewReader(payload)) }

// Read reads a webhook's payload, in any format since 2013, to the end of the stream. It keeps the fields
// of an Event, truncated to the limits of this package, and skips the rest: it takes the same memory for a
// payload of any size.
//
// Only the fields that identify the repository and the build, and the result, are required. Any other
// field may have any JSON value; an invalid one counts as absent.
//
// Bytes that are not UTF-8 become U+FFFD. Control characters are kept, so text must be escaped where it is
// shown. The error is one line that quotes nothing from the payload. An error of the stream is wrapped.
func Read(payload io.Reader) (*Event, error) {
	s := newScanner(payload)
	if s.token() != '{' && s.err == nil {
		return nil, errors.New("payload is not a JSON object")
	}
	p := make(fields, len(payloadFields))
	var repository fields
	var jobs []Job
	s.members(func(name []byte) {
		switch string(name) {
		case "repository":
			repository = s.object(repositoryFields)
		case "matrix":
			jobs = s.jobs()
		default:
			s.field(name, payloadFields, p)
		}
	})
	s.end()
	if s.err != nil {
		return nil, s.err
	}
	return p.event(repository, jobs)
}

// fields are the fields of an object, by name.
type fields map[string]value

// The fields that are kept, and how many bytes of each. docs/travis.md has the same table.
var (
	repositoryFields = map[string]int{"id": maxString, "name": maxString, "owner_name": maxString}

	payloadFields = map[string]int{
		"id": maxString, "number": maxString, "type": maxString, "state": maxString, "status": maxString,
		"result": maxString, "status_message": maxString, "result_message": maxString,
		"started_at": maxString, "finished_at": maxString, "committed_at": maxString, "duration": maxString,
		"build_url": maxString, "compare_url": maxString, "branch": maxString, "tag": maxString,
		"commit": maxString, "base_commit": maxString, "head_commit": maxString,
		"message": maxMessage, "author_name": maxString, "author_email": maxString, "committer_name": maxString,
		"pull_request": maxString, "pull_request_number": maxString, "pull_request_title": maxString,
	}

	jobFields = map[string]int{
		"id": maxWord, "number": maxWord, "state": maxWord, "allow_failure": maxWord, "started_at": maxWord, "finished_at": maxWord,
	}

	configFields = map[string]int{"name": maxWord} // of a job
)

// field reads the value of the field name into p if it is one of kept. If a name is repeated, the later
// field counts.
func (s *scanner) field(name []byte, kept map[string]int, p fields) {
	limit, ok := kept[string(name)]
	if !ok {
		s.skip()
		return
	}
	field := string(name) // copied before the value overwrites the buffer
	p[field] = s.value(limit)
}

// object reads the fields of an object. Another kind of value has none.
func (s *scanner) object(kept map[string]int) fields {
	if s.token() != '{' {
		s.skip()
		return nil
	}
	p := make(fields, len(kept))
	s.members(func(name []byte) { s.field(name, kept, p) })
	return p
}

// jobs reads the matrix and keeps the first maxJobs. Another kind of value has none.
func (s *scanner) jobs() []Job {
	if s.token() != '[' {
		s.skip()
		return nil
	}
	var jobs []Job
	s.elements(func() {
		if len(jobs) == maxJobs {
			s.skip()
			return
		}
		if j := s.job(); j.ID != 0 || j.Number != "" {
			jobs = append(jobs, j)
		}
	})
	return jobs
}

// job reads a job with its name, which is in its configuration. Another kind of value is an empty job.
func (s *scanner) job() Job {
	if s.token() != '{' {
		s.skip()
		return Job{}
	}
	p := make(fields, len(jobFields))
	var config fields
	s.members(func(name []byte) {
		if string(name) == "config" {
			config = s.object(configFields)
			return
		}
		s.field(name, jobFields, p)
	})
	j := p.job()
	j.Name = config["name"].string()
	return j
}

// event makes an Event if the required fields are present.
func (p fields) event(repository fields, jobs []Job) (*Event, error) {
	e := &Event{
		Repository: Repository{
			ID: repository["id"].positive(), Owner: repository["owner_name"].string(), Name: repository["name"].string(),
		},
		Build: p.build(), Commit: p.commit(), PullRequest: p.pullRequest(), Jobs: jobs,
	}
	switch {
	case e.Repository.Owner == "":
		return nil, errors.New("payload has no repository.owner_name")
	case e.Repository.Name == "":
		return nil, errors.New("payload has no repository.name")
	case !IsSlug(e.Repository.Slug()):
		return nil, fmt.Errorf("payload's repository is not %s", SlugRule)
	case e.Repository.ID == 0:
		return nil, errors.New("payload has no repository.id")
	case e.Build.ID == 0:
		return nil, errors.New("payload has no id")
	case e.Build.Result == "":
		return nil, errors.New("payload has no result: no known status_message, state or status")
	}
	return e, nil
}

func (p fields) build() Build {
	result := p.result()
	return Build{
		ID:       p["id"].positive(),
		Number:   p["number"].string(),
		Type:     p.buildType(),
		State:    p.state(result),
		Result:   result,
		Branch:   p["branch"].string(),
		Tag:      p["tag"].string(),
		URL:      p["build_url"].url(),
		Started:  p["started_at"].time(),
		Finished: p["finished_at"].time(),
		Duration: p["duration"].duration(),
	}
}

func (p fields) commit() Commit {
	return Commit{
		SHA:        p["commit"].string(),
		Message:    p["message"].string(),
		Author:     p["author_name"].string(),
		AuthorHash: HashEmail(p["author_email"].string()),
		Committer:  p["committer_name"].string(),
		Committed:  p["committed_at"].time(),
		CompareURL: p["compare_url"].url(),
		Base:       p["base_commit"].string(),
		Head:       p["head_commit"].string(),
	}
}

func (p fields) job() Job {
	return Job{
		ID:           p["id"].positive(),
		Number:       p["number"].string(),
		State:        p["state"].string(),
		AllowFailure: p["allow_failure"].bool(),
		Started:      p["started_at"].time(),
		Finished:     p["finished_at"].time(),
	}
}

// buildType returns the build type. Old payloads lack the field; it then follows from their pull request.
func (p fields) buildType() BuildType {
	switch {
	case p["type"].kind == kindText && p["type"].text != "":
		return BuildType(p["type"].text)
	case p["pull_request"].bool(), p["pull_request"].positive() > 0:
		return PullRequest
	}
	return Push
}

func (p fields) pullRequest() *PR {
	if p.buildType() != PullRequest {
		return nil
	}
	return &PR{
		Number: cmp.Or(p["pull_request_number"].positive(), p["pull_request"].positive(), numberIn(p["compare_url"].url())),
		Title:  p["pull_request_title"].string(),
	}
}

// pullPath is the path of a pull request's page on GitHub, Bitbucket and GitLab.
var pullPath = regexp.MustCompile(`/(?:pull|pull-requests|merge_requests)/([1-9][0-9]*)(?:/|$)`)

// numberIn returns the number of the pull request whose page is compareURL, or 0.
func numberIn(compareURL string) int64 {
	u, err := url.Parse(compareURL)
	if err != nil {
		return 0
	}
	match := pullPath.FindStringSubmatch(u.Path)
	if match == nil {
		return 0
	}
	n, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
