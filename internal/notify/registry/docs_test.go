package registry_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify/registry"
)

var update = flag.Bool("update", false, "update the table of the services")

const (
	servicesPage = "../../../docs/services/README.md"
	tableBegin   = "<!-- capabilities -->\n"
	tableEnd     = "<!-- end capabilities -->"
)

// TestThePageListsWhatEachServiceDeclares compares the table of the page with the declarations.
func TestThePageListsWhatEachServiceDeclares(t *testing.T) {
	var table strings.Builder
	table.WriteString("| service | edit | thread | edits notify | idempotency key | the answer proves | longest text |\n|---|---|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(registry.Services)) {
		s := registry.Services[name]
		for _, f := range s.Forms {
			title := s.Title
			if f.Form != "" {
				title += ", " + f.Form
			}
			fmt.Fprintf(&table, "| %s | %s | %s | %s | %s | %s | %d |\n",
				title, yes(f.Edit), yes(f.Thread), yes(f.Notifies), yes(f.Idempotent), f.Proof, f.Longest)
		}
	}
	page, err := os.ReadFile(servicesPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), tableBegin)
	got, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		t.Fatalf("%s lacks the marks of the table", servicesPage)
	}
	if *update {
		if err := os.WriteFile(servicesPage, []byte(before+tableBegin+table.String()+tableEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table.String(), got); diff != "" {
		t.Errorf("%s (-want +got; -update updates it):\n%s", servicesPage, diff)
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "–"
}
