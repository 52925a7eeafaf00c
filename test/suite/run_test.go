package suite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2/types"
)

// CI shows the last lines of a package's output, so the reasons must be there, however long everything is.
func TestTheReasonsComeLast(t *testing.T) {
	var failed []types.SpecReport
	for i := range 5 {
		r := types.SpecReport{LeafNodeText: fmt.Sprint("spec-", i)}
		var log strings.Builder
		for line := range 1000 {
			fmt.Fprintf(&log, "line-%d %s\n", line, strings.Repeat("é", 10_000))
		}
		r.ReportEntries = types.ReportEntries{
			{Name: "operator's log", Value: types.WrapEntryValue(log.String())},
			{Name: "peak of memory", Value: types.WrapEntryValue("7 MiB")},
		}
		r.Failure.Message = fmt.Sprintf("reason-%d\n%s", i, strings.Repeat("    ...\n", 100)) + "to equal\n    <int>: 7"
		failed = append(failed, r)
	}
	text := failures(failed)
	for _, part := range []string{"line-999 ", "line-980 ", "spec-2", "reason-0", "<int>: 7", "and 2 more"} {
		if !strings.Contains(text, part) {
			t.Errorf("does not show %q", part)
		}
	}
	for _, part := range []string{"line-979 ", "MiB", "reason-3"} {
		if strings.Contains(text, part) {
			t.Errorf("shows %q", part)
		}
	}
	if single := strings.Split(strings.TrimSpace(failures(failed[:1])), "\n"); len(single) > 40 || !strings.Contains(strings.Join(single[len(single)-10:], "\n"), "reason-0") {
		t.Errorf("the reason is not within the last lines:\n%s", strings.Join(single, "\n"))
	}
}
