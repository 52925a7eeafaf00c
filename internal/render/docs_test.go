package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/test/docs/table"
)

const page = "../../docs/messages.md"

// TestThePageListsEverything compares the tables of the page with the code.
func TestThePageListsEverything(t *testing.T) {
	example := sampleEvent(travis.StillFailing, travis.PullRequest)
	var names strings.Builder
	names.WriteString("| variable | meaning | example |\n|---|---|---|\n")
	for _, v := range variables {
		shown := "`" + fmt.Sprint(v.value(&example)) + "`"
		if v.GoOnly || strings.Contains(shown, "\n") || shown == "``" {
			shown = ""
		}
		fmt.Fprintf(&names, "| `%s` | %s | %s |\n", v.Name, v.Doc, shown)
	}
	table.Compare(t, page, "variables", *update, names.String())

	var calls strings.Builder
	calls.WriteString("| function | meaning |\n|---|---|\n")
	for _, f := range functions {
		fmt.Fprintf(&calls, "| `{{%s}}` | %s |\n", f.Usage, f.Doc)
	}
	table.Compare(t, page, "functions", *update, calls.String())

	var samples strings.Builder
	samples.WriteString("| event | text |\n|---|---|\n")
	for _, s := range Samples() {
		if s.Event.Build.Type == travis.Push && s.Event.Build.Tag == "" || s.Event.Build.Result == travis.Passed {
			m, _ := Message(nil, s.Event)
			text := strings.ReplaceAll(m.Text, "\n", "<br>")
			fmt.Fprintf(&samples, "| %s | %s |\n", s.Name, text)
		}
	}
	table.Compare(t, page, "samples", *update, samples.String())

	table.Compare(t, page, "limits", *update, fmt.Sprintf("A template may have %d bytes, and its output %d. It may call %d functions; a call within `range` counts as %d. The functions of one message may read and produce %d bytes together.\n",
		MaxTemplate, maxText, maxCalls, maxJobs, maxWork))
}

// TestFunctionsDoWhatTheirUsageShows runs each function as the page shows it.
func TestFunctionsDoWhatTheirUsageShows(t *testing.T) {
	e := sampleEvent(travis.StillFailing, travis.PullRequest)
	e.Build.Branch = "release/1.x"
	want := map[string]string{
		"link": "the build (https://app.travis-ci.com/example/example/builds/277712204)", "upper": "STILL FAILING",
		"lower": "release/1.x", "truncate": "Keep the order of events", "default": "Ada Example", "replace": "still failing",
		"trimPrefix": "1.x", "trimSuffix": "release/1", "contains": "false", "hasPrefix": "true", "hasSuffix": "true",
		"urlquery": "release%2F1.x", "print": "123!", "printf": "example/example@release/1.x",
		"eq": "false", "ne": "true", "lt": "false", "le": "false", "gt": "false", "ge": "false",
		"and": "false", "or": "release/1.x", "not": "false", "len": "2",
		"index": "map[allow_failure:false id:638473449 name:unit tests number:123.1 state:failed]",
	}
	for _, f := range functions {
		m, err := Message(compile(t, "{{"+f.Usage+"}}", Go), e)
		if err != nil || m.Text != want[f.Name] {
			t.Errorf("{{%s}}: got %q, %v; want %q", f.Usage, m.Text, err, want[f.Name])
		}
	}
}
