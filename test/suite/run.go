package suite

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// Run runs the specs of a package. What failed is repeated at the end, where people look for it first: the ends of
// the logs that the spec added as report entries, and then the reasons.
func Run(t *testing.T, description string) {
	t.Helper()
	RegisterFailHandler(Fail)
	var failed []SpecReport
	ReportAfterSuite("failures", func(r Report) {
		for i := range r.SpecReports {
			if r.SpecReports[i].Failed() {
				failed = append(failed, r.SpecReports[i])
			}
		}
	})
	config, reporter := GinkgoConfiguration()
	if out, err := os.Stdout.Stat(); err != nil || out.Mode()&os.ModeCharDevice == 0 {
		reporter.NoColor = true
	}
	RunSpecs(t, description, config, reporter)
	if len(failed) > 0 {
		t.Error(failures(failed))
	}
}

// The bounds of what is repeated.
const (
	shownFailures    = 3
	shownLogLines    = 20
	shownLineLength  = 300
	shownReasonLines = 6
)

// failures describes specs that failed: the ends of their logs first, and last the reasons.
func failures(failed []SpecReport) string {
	var logs, reasons strings.Builder
	for i := range failed[:min(len(failed), shownFailures)] {
		r := &failed[i]
		for _, entry := range r.ReportEntries {
			if strings.Contains(entry.Name, "log") {
				fmt.Fprintf(&logs, "the end of the %s, %s:\n", entry.Name, r.FullText())
				writeLines(&logs, lastLines(entry.StringRepresentation(), shownLogLines))
			}
		}
		fmt.Fprintf(&reasons, "FAILED: %s\n%s\n", r.FullText(), r.Failure.Location)
		writeLines(&reasons, firstLines(r.Failure.Message+"\n"+r.Failure.ForwardedPanic, shownReasonLines))
	}
	if more := len(failed) - shownFailures; more > 0 {
		fmt.Fprintf(&reasons, "and %d more\n", more)
	}
	return "\n" + logs.String() + reasons.String()
}

func writeLines(to *strings.Builder, lines []string) {
	for _, line := range lines {
		if runes := []rune(line); len(runes) > shownLineLength {
			line = string(runes[:shownLineLength]) + " …"
		}
		to.WriteString("  " + line + "\n")
	}
}

func lastLines(text string, n int) []string {
	lines := full(text)
	return lines[max(0, len(lines)-n):]
}

// firstLines returns the first lines, the last one of them instead of all between.
func firstLines(text string, n int) []string {
	lines := full(text)
	if len(lines) <= n {
		return lines
	}
	return append(slices.Clone(lines[:n-1]), lines[len(lines)-1])
}

// full returns the lines that are not empty.
func full(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
}
