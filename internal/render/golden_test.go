package render

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
)

var update = flag.Bool("update", false, "update the golden files")

// The default texts of Travis' own notifications.
const (
	travisIRC = "%{repository}#%{build_number} (%{branch} - %{commit} : %{author}): %{message}\n" +
		"Change view : %{compare_url}\nBuild details : %{build_url}\n"
	travisSlack = "Build <%{build_url}|#%{build_number}> (<%{compare_url}|%{commit}>) of %{repository}@%{branch} " +
		"by %{author} %{result} in %{duration}"
	travisSlackPR = "Build <%{build_url}|#%{build_number}> (<%{compare_url}|%{commit}>) of %{repository}@%{branch} " +
		"in PR <%{pull_request_url}|#%{pull_request_number}> by %{author} %{result} in %{duration}"
)

const goTemplate = `{{if eq .event "passed" "fixed"}}✔{{else if eq .event "pending"}}…{{else}}✘{{end}} ` +
	`{{.repository}} {{link .build_url (print "#" .build_number)}} {{.status}}
{{- if .pull_request}} in {{link .pull_request_url (printf "#%d" .pull_request_number)}} {{.pull_request_title}}
{{- else if .tag}} on tag {{.tag}}
{{- else}} on {{.branch}}{{end}}
{{- if gt .duration_seconds 0}} after {{.duration}}{{end}}
{{- range .jobs}}
{{.number}} {{.state}}{{if .allow_failure}} (may fail){{end}}{{end}}
`

func compile(t testing.TB, source string, syntax Syntax) *Template {
	t.Helper()
	tmpl, err := Compile(source, syntax)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return tmpl
}

// TestGolden renders every sample in each syntax.
func TestGolden(t *testing.T) {
	templates := map[string]*Template{
		"default":         nil,
		"travis-irc":      compile(t, travisIRC, Travis),
		"travis-slack":    compile(t, travisSlack, Travis),
		"travis-slack-pr": compile(t, travisSlackPR, Travis),
		"go":              compile(t, goTemplate, Go),
	}
	for name, tmpl := range templates {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, s := range Samples() {
				m, err := Message(tmpl, s.Event)
				if err != nil {
					t.Errorf("%s: %v", s.Name, err)
				}
				describe(&b, s.Name, m)
			}
			compareGolden(t, filepath.Join("testdata", name+".golden"), b.String())
		})
	}
}

// describe writes a message as the golden files show it.
func describe(b *strings.Builder, name string, m notify.Message) {
	fmt.Fprintf(b, "== %s (%s)\n%s\n", name, m.Level, m.Text)
	b.WriteString("spans: ")
	for _, s := range m.Spans {
		b.WriteString(markdown(s))
	}
	b.WriteString("\n")
	for _, f := range m.Fields {
		fmt.Fprintf(b, "  %s: %s\n", f.Name, markdown(f.Value))
	}
	for _, s := range m.FailedLine() {
		b.WriteString(markdown(s))
	}
	b.WriteString("\n")
}

func markdown(s notify.Span) string {
	text := strings.ReplaceAll(s.Text, "\n", "⏎")
	if s.URL == "" {
		return text
	}
	return fmt.Sprintf("[%s](%s)", text, s.URL)
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update updates it):\n%s", file, diff)
	}
}
