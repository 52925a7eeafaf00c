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

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/registry"
)

var update = flag.Bool("update", false, "update the lists of services in the documentation")

const root = "../../../"

// TestPagesListTheServices compares the lists and tables of services in the documentation with the registry.
func TestPagesListTheServices(t *testing.T) {
	for _, in := range []struct {
		page, mark, dir string // dir: from the page to the services' pages
		write           func(dir string) string
	}{
		{"README.md", "names", "docs/services/", names},
		{"README.md", "capabilities", "docs/services/", table},
		{"docs/README.md", "services", "services/", list},
		{"docs/services/README.md", "services", "", list},
		{"docs/services/README.md", "capabilities", "", table},
	} {
		generated(t, in.page, in.mark, in.write(in.dir))
	}
}

// generated compares what a page has between the marks with want, or updates it.
func generated(t *testing.T, path, mark, want string) {
	t.Helper()
	begin, end := "<!-- "+mark+" -->\n", "<!-- end "+mark+" -->"
	page, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	if *update && !strings.Contains(text, begin) { // of a new page
		text = strings.Replace(text, "## The message\n\n", "## The message\n\n"+begin+end+"\n\n", 1)
	}
	before, rest, found := strings.Cut(text, begin)
	got, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s lacks the marks of %s", path, mark)
	}
	if *update {
		if err := os.WriteFile(root+path, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got; -update updates it):\n%s", path, diff)
	}
}

// services are all, by title.
func services() []notify.Service {
	return slices.SortedFunc(maps.Values(registry.Services), func(a, b notify.Service) int {
		return strings.Compare(a.Title, b.Title)
	})
}

func link(s *notify.Service, dir string) string {
	return "[" + s.Title + "](" + dir + strings.ToLower(s.Name) + ".md)"
}

func list(dir string) string {
	var b strings.Builder
	for _, s := range services() {
		fmt.Fprintf(&b, "- %s: %s\n", link(&s, dir), s.Summary)
	}
	return b.String()
}

func names(dir string) string {
	links := make([]string, 0, len(registry.Services))
	for _, s := range services() {
		links = append(links, link(&s, dir))
	}
	return "**Supported services** ([what each can do](#services)): " + strings.Join(links, ", ") + ".\n"
}

func table(dir string) string {
	var b strings.Builder
	b.WriteString("| service | edit | thread | edits notify | silent | mention | idempotency key | the answer proves | longest text |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range services() {
		for _, f := range s.Forms {
			title := link(&s, dir)
			if f.Form != "" {
				title += ", " + f.Form
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %d |\n",
				title, yes(f.Edit), yes(f.Thread), yes(f.Notifies), yes(f.Silent), yes(f.Mention), yes(f.Idempotent), f.Proof, f.Longest)
		}
	}
	return b.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "–"
}

// TestEveryServiceIsComplete looks for the parts of a service that the compiler does not ask for.
func TestEveryServiceIsComplete(t *testing.T) {
	crd, err := os.ReadFile(root + "config/crd/bases/travishook.dev_travisdefaults.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range registry.Services {
		if !strings.Contains(string(crd), "has(self."+name+")") {
			t.Errorf("the rule of Account in api/v1alpha1 does not count the block %s", name)
		}
		page, err := os.ReadFile(root + "docs/services/" + strings.ToLower(name) + ".md")
		if err != nil {
			t.Errorf("%s has no page: %v", name, err)
		}
		for _, k := range s.Keys {
			if k.Shared && strings.Contains(string(page), "(README.md#connections)") {
				continue
			}
			if !strings.Contains(string(page), "`"+k.Name+"`") {
				t.Errorf("the page of %s does not explain the key %s", name, k.Name)
			}
		}
	}
}
