package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/receiver"
)

const troubleshooting = "docs/operations/troubleshooting.md"

// marked returns the part of a page between two marks.
func marked(t *testing.T, p Page, mark string) string {
	t.Helper()
	_, rest, begins := strings.Cut(p.Text, "<!-- "+mark+" -->\n")
	part, _, ends := strings.Cut(rest, "<!-- end "+mark+" -->")
	if !begins || !ends {
		t.Fatalf("%s has no part %q", p.Path, mark)
	}
	return part
}

// firstCodes returns the codes in the first cells of a table.
func firstCodes(text string) []string {
	var codes []string
	for _, row := range Rows(text) {
		codes = append(codes, Codes(row[0])...)
	}
	return codes
}

// constants returns the strings of a package's constants whose names have a prefix.
func constants(t *testing.T, folder, prefix string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, path := range files {
		ast.Inspect(parse(t, path), func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, prefix) {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				found[spec.Names[0].Name], _ = strconv.Unquote(literal.Value)
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatalf("%s has no constants %s…", folder, prefix)
	}
	return found
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func sorted(words []string) []string { return slices.Sorted(slices.Values(words)) }

func TestEveryConditionIsExplained(t *testing.T) {
	p := page(t, troubleshooting)
	for mark, prefix := range map[string]string{"conditions": "Condition", "reasons": "Reason"} {
		want := slices.Sorted(maps.Values(constants(t, "api/v1alpha1", prefix)))
		if diff := cmp.Diff(want, sorted(firstCodes(marked(t, p, mark)))); diff != "" {
			t.Errorf("%s, %s (-in the code +on the page):\n%s", p.Path, mark, diff)
		}
	}
}

func TestEveryAnswerIsExplained(t *testing.T) {
	want := slices.Sorted(maps.Values(constants(t, "internal/receiver", "Reason")))
	if diff := cmp.Diff(want, sorted(firstCodes(marked(t, page(t, troubleshooting), "answers")))); diff != "" {
		t.Errorf("%s (-in the code +on the page):\n%s", troubleshooting, diff)
	}
}

// TestTheTableOfAnswers compares the codes and reasons on the page with the receiver's.
func TestTheTableOfAnswers(t *testing.T) {
	want := answers(t)
	got := map[string]int{}
	code := 0
	for _, row := range Rows(section(t, page(t, "docs/travis.md"), "## The answers")) {
		if n, err := strconv.Atoi(row[0]); err == nil {
			code = n
		}
		for _, reason := range Codes(row[1]) {
			got[reason] = code
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/travis.md (-in the code +on the page):\n%s", diff)
	}
}

// answers returns the receiver's status codes by reason.
func answers(t *testing.T) map[string]int {
	t.Helper()
	found := map[string]int{}
	receiver.Answers(func(code int, reason string) { found[reason] = code })
	if diff := cmp.Diff(slices.Sorted(maps.Values(constants(t, "internal/receiver", "Reason"))), slices.Sorted(maps.Keys(found))); diff != "" {
		t.Errorf("reasons of answers (-constants +receiver.Answers):\n%s", diff)
	}
	return found
}

// TestEveryRightIsExplained compares the page on security with the installed rules.
func TestEveryRightIsExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "charts/travishook/files/role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p := page(t, "docs/operations/security.md")
	for document := range strings.SplitSeq(string(text), "---\n") {
		var role rbacv1.ClusterRole // a Role has the same rules
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			t.Fatal(err)
		}
		if mark := map[string]string{"ClusterRole": "rights", "Role": "own rights"}[role.Kind]; mark != "" {
			if diff := cmp.Diff(rights(role.Rules), shownRights(marked(t, p, mark))); diff != "" {
				t.Errorf("%s, %s (-installed +on the page):\n%s", p.Path, mark, diff)
			}
		}
	}
}

// TestSecurityPageHasTheRightsOfTheHook compares the page with the rules in the chart's template, which have no
// values in them.
func TestSecurityPageHasTheRightsOfTheHook(t *testing.T) {
	template, err := os.ReadFile(filepath.Join(root, "charts", "travishook", "templates", "crds.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(template), "\nrules:\n")
	rules, _, found := strings.Cut(rest, "---\n")
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict([]byte("rules:\n"+rules), &role); err != nil || !found {
		t.Fatalf("the hook's rules: %v", err)
	}
	p := page(t, "docs/operations/security.md")
	table := marked(t, p, "hook rights")
	if diff := cmp.Diff(rights(role.Rules), shownRights(table)); diff != "" {
		t.Errorf("%s, hook rights (-installed +on the page):\n%s", p.Path, diff)
	}
	for _, rule := range role.Rules {
		for _, name := range rule.ResourceNames {
			if !strings.Contains(table, "`"+name+"`") {
				t.Errorf("%s does not name %s, which the hook may change", p.Path, name)
			}
		}
	}
}

// rights returns the verbs by group and resource, of all rules together.
func rights(rules []rbacv1.PolicyRule) map[string]string {
	verbs := map[string][]string{}
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				verbs[group+"/"+resource] = append(verbs[group+"/"+resource], rule.Verbs...)
			}
		}
	}
	all := map[string]string{}
	for resource, verbs := range verbs {
		all[resource] = strings.Join(sorted(verbs), " ")
	}
	return all
}

func shownRights(table string) map[string]string {
	all := map[string]string{}
	for _, row := range Rows(table)[1:] {
		group := strings.Trim(row[0], "`")
		if group == "core" {
			group = ""
		}
		for _, resource := range Codes(row[1]) {
			all[group+"/"+resource] = strings.Join(sorted(strings.Fields(row[2])), " ")
		}
	}
	return all
}

// TestEveryFolderHasItsRow: the table of packages has each folder of the operator.
func TestEveryFolderHasItsRow(t *testing.T) {
	named := firstCodes(page(t, "docs/architecture.md").Text)
	folders, err := filepath.Glob(filepath.Join(root, "internal", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("there are no folders below internal: %v", err)
	}
	for _, folder := range folders {
		if name := "internal/" + filepath.Base(folder); !slices.Contains(named, name) {
			t.Errorf("docs/architecture.md has no row for %s", name)
		}
	}
}

var fileInComment = regexp.MustCompile(`(?m)^\s*//.*?\b[a-z0-9_]+\.go\b.*$`)

var fileName = regexp.MustCompile(`[\w/]+\.go\b`)

// TestCommentsNameFilesThatExist: a file that a comment of the operator's code names is in the same folder.
func TestCommentsNameFilesThatExist(t *testing.T) {
	named := 0
	for _, folder := range []string{"internal", "controllers", "cmd", "api"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, comment := range fileInComment.FindAll(text, -1) {
				for _, name := range fileName.FindAllString(string(comment), -1) {
					named++
					if _, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err != nil {
						t.Errorf("%s: %q names a file that is not there", path, comment)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if named == 0 {
		t.Error("no comment names a file")
	}
}
