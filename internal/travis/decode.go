package travis

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Decode reads a webhook's payload, of any year since 2013. It keeps what an Event holds, cut to
// the limits of this package, and drops the rest unread.
//
// Bytes that are not UTF-8 become U+FFFD rather than an error: the event is worth more than
// the character. Control characters stay; whoever shows a text escapes it. The error is one line
// that says what is wrong and quotes nothing of the payload.
func Decode(payload []byte) (*Event, error) {
	var w wire
	if err := json.Unmarshal(payload, &w); err != nil {
		return nil, explain(err)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	result, ok := w.result()
	if !ok {
		return nil, errors.New("payload says nothing of the build's result: no status_message, state or status that is known")
	}
	return &Event{
		Repository:  Repository{ID: w.Repository.ID, Owner: w.Repository.OwnerName, Name: w.Repository.Name},
		Build:       w.build(result),
		Commit:      w.commit(),
		PullRequest: w.pullRequest(),
		Jobs:        w.Matrix,
	}, nil
}

// check refuses what no event can be made of.
func (w *wire) check() error {
	switch {
	case w.Repository.OwnerName == "":
		return errors.New("payload has no repository.owner_name")
	case w.Repository.Name == "":
		return errors.New("payload has no repository.name")
	case !isSlugPart(w.Repository.OwnerName):
		return errors.New("payload's repository.owner_name is not a name")
	case !isSlugPart(w.Repository.Name):
		return errors.New("payload's repository.name is not a name")
	case w.Repository.ID <= 0:
		return errors.New("payload has no repository.id")
	case w.ID <= 0:
		return errors.New("payload has no id")
	case w.Duration < 0 || w.Duration > maxDurationSeconds:
		return errors.New("payload's duration is out of range")
	}
	return nil
}

func (w *wire) build(result Result) Build {
	return Build{
		ID:       w.ID,
		Number:   cut(w.Number, maxString),
		Type:     w.buildType(),
		State:    w.state(result),
		Result:   result,
		Branch:   cut(w.Branch, maxString),
		Tag:      cut(w.Tag, maxString),
		URL:      cut(w.BuildURL, maxString),
		Started:  w.StartedAt.Time,
		Finished: w.FinishedAt.Time,
		Duration: time.Duration(w.Duration) * time.Second,
	}
}

func (w *wire) commit() Commit {
	return Commit{
		SHA:        cut(w.Commit, maxString),
		Message:    cut(w.Message, maxMessage),
		Author:     cut(w.AuthorName, maxString),
		Committer:  cut(w.CommitterName, maxString),
		Committed:  w.CommittedAt.Time,
		CompareURL: cut(w.CompareURL, maxString),
		Base:       cut(w.BaseCommit, maxString),
		Head:       cut(w.HeadCommit, maxString),
	}
}

// buildType of payloads older than the field is told by their pull request.
func (w *wire) buildType() BuildType {
	switch {
	case w.Type != "":
		return BuildType(cut(w.Type, maxString))
	case w.PullRequest.is:
		return PullRequest
	}
	return Push
}

func (w *wire) pullRequest() *PR {
	if w.buildType() != PullRequest {
		return nil
	}
	number := w.PullRequestNumber
	if number == 0 {
		number = w.PullRequest.number
	}
	return &PR{Number: number, Title: cut(w.PullRequestTitle, maxString)}
}

// explain turns an error of encoding/json into one line without a byte of the payload in it.
func explain(err error) error {
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	var field *fieldError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("payload is not JSON: wrong at byte %d", syntax.Offset)
	case errors.As(err, &field):
		return field
	case errors.As(err, &shape) && shape.Field == "":
		return fmt.Errorf("payload is not a JSON object but of type %s", kind(shape.Value))
	case errors.As(err, &shape):
		return fmt.Errorf("payload's %s has the wrong type: %s", shape.Field, kind(shape.Value))
	}
	return errors.New("payload is not JSON of the right shape")
}

// kind is the first word of UnmarshalTypeError.Value, which goes on with the number itself.
func kind(value string) string {
	word, _, _ := strings.Cut(value, " ")
	return word
}
