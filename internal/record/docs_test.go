package record

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/travishook/travishook/test/docs/table"
)

var update = flag.Bool("update", false, "update the tables of docs/operations/metrics.md")

const page = "../../docs/operations/metrics.md"

// TestThePageListsEveryMetric compares the tables of the page with the code.
func TestThePageListsEveryMetric(t *testing.T) {
	r, reg, _ := newRecorder(t)
	reg.MustRegister(QueueCollector(keptQueue{}.Counts), StoreCollector(fullStore{}))
	use(r)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	rows.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		fmt.Fprintf(&rows, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, " "), f.GetHelp())
	}
	table.Compare(t, page, "metrics", *update, rows.String())
}

// TestThePageListsEveryReason compares the table of the page with the constants and their comments.
func TestThePageListsEveryReason(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("| reason | meaning |\n|---|---|\n")
	for _, v := range constants(t, "attempt.go") {
		if kind, ok := v.Type.(*ast.Ident); ok && kind.Name == "Reason" {
			doc := strings.Join(strings.Fields(v.Doc.Text()), " ")
			_, meaning, _ := strings.Cut(strings.TrimSuffix(doc, "."), ": ")
			fmt.Fprintf(&rows, "| `%s` | %s |\n", value(v), meaning)
		}
	}
	table.Compare(t, page, "reasons", *update, rows.String())
}

// TestThePageNamesTheReceiversReasons reads them in the receiver's source, which this package
// must not import.
func TestThePageNamesTheReceiversReasons(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range receiverReasons(t) {
		if !strings.Contains(string(text), "`"+reason+"`") {
			t.Errorf("%s does not explain the receiver's reason %s", page, reason)
		}
	}
}

func receiverReasons(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../receiver/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, file := range files {
		for _, v := range constants(t, file) {
			if reason := value(v); strings.HasPrefix(v.Names[0].Name, "Reason") && reason != "" {
				reasons = append(reasons, reason)
			}
		}
	}
	if len(reasons) == 0 {
		t.Fatal("the receiver has no reasons")
	}
	return reasons
}

// constants returns the constants of a file.
func constants(t *testing.T, file string) (all []*ast.ValueSpec) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, s := range g.Specs {
				all = append(all, s.(*ast.ValueSpec))
			}
		}
	}
	return all
}

// value returns the text of a constant; it is empty if the constant is none, or is defined by another.
func value(v *ast.ValueSpec) string {
	if len(v.Values) != 1 {
		return ""
	}
	literal, ok := v.Values[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	text, _ := strconv.Unquote(literal.Value)
	return text
}
