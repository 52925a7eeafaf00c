package notify

import (
	"slices"
	"strings"
)

// Job is a job that failed.
type Job struct {
	// Name is the job's name, or its number. It is not escaped.
	Name string
	URL  string
	// Allowed: the build passes without this job.
	Allowed bool
}

// FailedLine returns the failed jobs as a line with links, or nil if there are none:
//
//	Failed: lint, unit tests, docs (allowed to fail)
func (m *Message) FailedLine() []Span {
	if len(m.FailedJobs) == 0 {
		return nil
	}
	line := []Span{{Text: "Failed: "}}
	for i, j := range m.FailedJobs {
		if i > 0 {
			line = append(line, Span{Text: ", "})
		}
		line = append(line, Span{Text: j.Name, URL: j.URL})
		if j.Allowed {
			line = append(line, Span{Text: " (allowed to fail)"})
		}
	}
	return line
}

// Body returns the message with links, and the failed jobs on a line of their own.
func (m *Message) Body() []Span {
	failed := m.FailedLine()
	if failed == nil || len(m.Spans) == 0 {
		return m.Spans
	}
	return slices.Concat(m.Spans, []Span{{Text: "\n"}}, failed)
}

// Plain returns the words of spans without their links.
func Plain(spans []Span) string {
	var words strings.Builder
	for _, s := range spans {
		words.WriteString(s.Text)
	}
	return words.String()
}
