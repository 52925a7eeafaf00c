package cluster_test

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/test/docs/table"
)

// report is the table of docs/operations/gaps.md.
type report struct {
	began time.Time
	facts string
	rows  strings.Builder
}

func newReport(t *testing.T, env *environment) *report {
	t.Helper()
	versions := env.kubectl(t, "get", "nodes", "-o", "jsonpath=Kubernetes {.items[0].status.nodeInfo.kubeletVersion}, {.items[0].status.nodeInfo.containerRuntimeVersion}")
	return &report{began: time.Now(), facts: fmt.Sprintf("%s; %d processors", versions, runtime.NumCPU())}
}

func (r *report) add(t *testing.T, name string, v verdict) {
	t.Helper()
	gap := "–"
	if v.Refused > 0 {
		gap = fmt.Sprintf("%.1f s", v.Gap.Seconds())
	}
	fmt.Fprintf(&r.rows, "| %s | %d | %s | %d | %s |\n", name, v.Refused, gap, v.Lost, machineLoad(t))
}

// end prints the table, and writes it into the docs after a full pass.
func (r *report) end(t *testing.T) {
	t.Helper()
	text := fmt.Sprintf("%s: %s; the trial took %s.\n\n| event | refused | gap | lost | load |\n|---|---:|---:|---:|---:|\n%s",
		r.began.UTC().Format("2 January 2006"), r.facts, time.Since(r.began).Round(time.Second), r.rows.String())
	t.Log("\n" + text)
	if os.Getenv("WRITE") != "" && os.Getenv("STEPS") == "" && !t.Failed() {
		table.Compare(t, "../../docs/operations/gaps.md", "figures, written by make e2e-cluster", true, text)
	}
}

// machineLoad is the average number of processes that ran or waited in the last minute.
func machineLoad(t *testing.T) string {
	t.Helper()
	words, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?" // not Linux
	}
	one, _, _ := strings.Cut(string(words), " ")
	return cmp.Or(one, "?")
}
