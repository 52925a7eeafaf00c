package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestClientDryRunNeedsNoCluster(t *testing.T) {
	for name, test := range map[string]struct {
		input string
		args  []string
		want  []string
	}{
		"route":      {"", []string{"route", "a/b", "#builds", "--account", "slack", "--filter", "true"}, []string{"kind: TravisRoute", "filter: \"true\"", "still_failing", "address: '#builds'"}},
		"no address": {"", []string{"route", "a/b", "fixed", "--account", "hooks"}, []string{"- account: hooks", "- fixed"}},
		"token":      {"a token\n", []string{"token", "a/b"}, []string{"kind: Secret", "travishook.dev/secret-type: token"}},
		"account":    {"xoxb-1\n", []string{"account", "slack", "--slack"}, []string{"kind: Secret", "kind: TravisDefaults"}},
		"mail":       {"hunter2\n", []string{"account", "mail", "--email", "--set", "from=Travis CI <ci@example.com>", "--set", "server=smtp.example.com:587"}, []string{"password:", "from: Travis CI <ci@example.com>"}},
		"IRC":        {"", []string{"account", "irc", "--irc", "--set", "nickname=travis-ci", "--set", "server=irc.libera.chat:6697", "--set", "linesPerMinute=60"}, []string{"linesPerMinute: 60"}},
		"no login":   {"", []string{"account", "mail", "--email", "--set", "from=ci@example.com", "--set", "server=smtp.example.com:25", "--set", "tls=None"}, []string{"tls: None"}},
		"defaults":   {"", []string{"defaults", "fixed"}, []string{"kind: TravisDefaults", "- fixed"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := execute(t, test.input, append(test.args, "--dry-run=client", "-o", "yaml", "-n", "team-a")...)
			if code != ExitOK {
				t.Fatalf("exit code %d: %s", code, errOut)
			}
			for _, want := range append(test.want, "namespace: team-a") {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
}

func TestClientDryRunOfAChangeNeedsNoCluster(t *testing.T) {
	for name, test := range map[string]struct {
		args        []string
		out, errOut string
	}{
		"suspend": {[]string{"suspend", "a", "b"}, "travisroute.travishook.dev/a configured (dry run)\ntravisroute.travishook.dev/b configured (dry run)\n", ""},
		"resume":  {[]string{"resume", "a"}, "travisroute.travishook.dev/a configured (dry run)\n", ""},
		"remove":  {[]string{"remove", "a/b", "#builds"}, "", "it would remove these channels from the routes of a/b in namespace team-a"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append(test.args, "--dry-run=client", "-n", "team-a")
			code, out, errOut := execute(t, "", args...)
			if code != ExitOK || out != test.out || !strings.Contains(errOut, "note: no cluster is used: ") || !strings.Contains(errOut, test.errOut) {
				t.Errorf("exit code %d\n%s%s", code, out, errOut)
			}
			if code, out, errOut = execute(t, "", append(args, "-o", "yaml")...); code != ExitError || out != "" || !strings.Contains(errOut, "-o yaml needs a cluster") {
				t.Errorf("with -o yaml: exit code %d\n%s%s", code, out, errOut)
			}
		})
	}
}

func TestLostOutputFailsTheCommand(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	file := filepath.Join(t.TempDir(), "a.yaml")
	manifest := "apiVersion: travishook.dev/v1alpha1\nkind: TravisRoute\nmetadata: {name: a}\nspec: {repository: a/b, channels: [{account: x}], events: [failed]}\n"
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"help"}, {"completion"}, {"version", "--client"}, {"version", "--client", "-o", "json"}, {"lint", file}, {"lint", "-o", "github", file}, {"lint", "-o", "json", file},
		{"render", "-f", file}, {"render", "-f", file, "-o", "yaml"}, {"import", "importer/testdata/travishook.json.in"},
		{"route", "a/b", "x", "--dry-run=client"}, {"defaults", "fixed", "--dry-run=client", "-o", "yaml"},
	} {
		var errOut bytes.Buffer
		code := Run(t.Context(), args, genericiooptions.IOStreams{In: strings.NewReader(""), Out: fullDisk{}, ErrOut: &errOut})
		if code != ExitError || !strings.Contains(errOut.String(), "error: cannot write the output: no space left") {
			t.Errorf("%v: exit code %d, says %q", args, code, errOut.String())
		}
	}
}

// fullDisk is a standard output that takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestLintReportsArgumentsWithNothingToCheck(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	route := "apiVersion: travishook.dev/v1alpha1\nkind: TravisRoute\nmetadata: {name: a}\nspec: {repository: a/b, channels: [{account: x}], events: [fixed]}\n"
	deployment := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
	other := write("other.yaml", deployment)
	write("empty/readme.md", "no manifests")
	write("mixed/a.yaml", deployment)
	write("mixed/b.yaml", route)
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a file with other kinds":    {[]string{other}, ExitError, other + ":1: error: nothing to check"},
		"an empty folder":            {[]string{filepath.Join(dir, "empty")}, ExitError, "empty:1: error: nothing to check"},
		"other kinds beside a route": {[]string{filepath.Join(dir, "mixed")}, ExitOK, ""},
		"-f instead of an argument":  {[]string{"-f", filepath.Join(dir, "mixed")}, ExitOK, ""},
		"-f and an argument":         {[]string{"-f", filepath.Join(dir, "mixed"), other}, ExitError, "other.yaml:1: error: nothing to check"},
		"an empty standard input":    {[]string{"-"}, ExitError, "-:1: error: nothing to check"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := execute(t, "", append([]string{"lint"}, test.args...)...)
			if code != test.code || !strings.Contains(out, test.want) || test.want == "" && out != "" {
				t.Errorf("exit code %d\n%s%s", code, out, errOut)
			}
		})
	}
}

// Manifests and names of files may be a stranger's: a pull request's, for example.
func TestNothingManipulatesTheTerminal(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a\x1b[31m\u202e.yaml")
	manifest := `{"apiVersion": "travishook.dev/v1alpha1", "kind": "TravisRoute", "metadata": {"name": "a"}, "spec": {"repository": "a/b", "channels": ` +
		`[{"account": "x"}], "events": ["fixed"], "filter": "\u001b[31m", "message": {"text": "%{\u001b[31m}\u202e"}, "\u001b[31m\u202e": 1}}`
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"lint", file}, {"lint", "-o", "github", file}, {"render", "-f", file}, {"import", file}, {"import", file + "\x1b[31m"},
		{"import", file, "--from", "travis.yml", "--repo", "a/b"}, {"\x1b[31m\u202e"}, {"routes", "--\x1b[31m"}, {"route", "a/b", "x", "\x1b[31m\u202e", "--account", "x"},
	} {
		_, out, errOut := execute(t, "", args...)
		if strings.ContainsAny(out+errOut, "\x1b\u202e") {
			t.Errorf("%q prints %q %q", args, out, errOut)
		}
	}
}

func TestImportPrintsTheNewWebhookURLs(t *testing.T) {
	code, out, errOut := execute(t, "", "import", "importer/testdata/travishook.json.in", "--public-url", "https://hooks.example.com/travis")
	// SHA-256 of "example/exampleabc"
	want := "change the webhook URL of example/example at Travis to https://hooks.example.com/travis/"
	if code != ExitOK || !strings.Contains(out, "# "+want) || !strings.Contains(errOut, "note: "+want) {
		t.Errorf("exit code %d\n%s%s", code, out, errOut)
	}
	if !strings.Contains(out, "app.kubernetes.io/managed-by: kubectl-travis") {
		t.Errorf("remove would not delete the imported token:\n%s", out)
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]string{"7d": "168h0m0s", "90m": "1h30m0s", "1d": "24h0m0s"} {
		if got, err := parseSpan(text); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "0d", "-3h", "7 days", "1w"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("%q: accepted as %v", text, got)
		}
	}
}
