package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/text"
)

// table prints aligned columns, as kubectl does.
type table struct{ writer *tabwriter.Writer }

func newTable(out io.Writer, columns ...string) *table {
	t := &table{tabwriter.NewWriter(out, 0, 8, 3, ' ', 0)}
	t.row(columns...)
	return t
}

func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = orNone(cell)
	}
	fmt.Fprintln(t.writer, strings.Join(cells, "\t"))
}

func (t *table) end() error { return t.writer.Flush() }

func orNone(s string) string {
	if s = printable(s); s == "" {
		return "-"
	}
	return s
}

// printable returns s as one line without characters that manipulate the terminal or reverse the text. They may
// come from another team's objects, or from a repository's files.
func printable(s string) string { return text.Line(s) }

func age(t metav1.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(time.Since(t.Time))
}

// condition returns the condition of a type, empty if it is not set yet.
func condition(conditions []metav1.Condition, kind string) metav1.Condition {
	for _, c := range conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{Type: kind}
}

func ready(conditions []metav1.Condition) metav1.Condition {
	return condition(conditions, v1alpha1.ConditionReady)
}
