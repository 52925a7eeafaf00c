package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// execute runs a command line without a cluster.
func execute(t *testing.T, input string, args ...string) (code int, out, errOut string) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv(envOperator, "")
	t.Setenv(envOperatorCA, "")
	var stdout, stderr bytes.Buffer
	code = Run(t.Context(), args, genericiooptions.IOStreams{In: strings.NewReader(input), Out: &stdout, ErrOut: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestHelp(t *testing.T) {
	root := newRoot(newEnvironment(genericiooptions.IOStreams{In: os.Stdin, Out: io.Discard, ErrOut: io.Discard}))
	for _, cmd := range root.Commands() {
		if cmd.Example == "" {
			t.Errorf("the help of %s has no example", cmd.Name())
		}
		checkExamples(t, root, cmd)
	}
	for _, verb := range []string{"route", "routes", "defaults", "token", "people", "remove", "suspend", "resume", "config", "account", "why", "test", "deliveries", "redrive", "render", "lint", "import", "version"} {
		code, out, _ := execute(t, "", "help", verb)
		if code != ExitOK || !strings.Contains(out, "kubectl travis "+verb) {
			t.Errorf("help %s: exit code %d\n%s", verb, code, out)
		}
	}
}

// checkExamples checks that the flags in examples exist.
func checkExamples(t *testing.T, root, cmd *cobra.Command) {
	t.Helper()
	for line := range strings.Lines(cmd.Example) {
		line, _, _ = strings.Cut(line, "| kubectl apply")
		_, call, ok := strings.Cut(line, "kubectl travis ")
		if !ok || strings.Contains(line, "#") {
			continue
		}
		for _, word := range strings.Fields(call) {
			name, isFlag := strings.CutPrefix(word, "--")
			name, _, _ = strings.Cut(name, "=")
			if isFlag && cmd.Flag(name) == nil && root.PersistentFlags().Lookup(name) == nil {
				t.Errorf("an example of %s has --%s, which does not exist", cmd.Name(), name)
			}
		}
	}
}

// TestErrors: an error is one line on the standard error with nothing on the standard output, and its
// exit code tells a mistake in the command line from one in the cluster.
func TestErrors(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"no such verb":                {[]string{"rout"}, ExitUsage, `did you mean route?`},
		"no such flag":                {[]string{"routes", "--bogus"}, ExitUsage, "unknown flag: --bogus; kubectl travis routes --help lists all"},
		"a flag that is written out":  {[]string{"import", "--repository", "a/b"}, ExitUsage, "unknown flag: --repository; did you mean --repo?"},
		"no such short flag":          {[]string{"import", "-r", "a/b"}, ExitUsage, "kubectl travis import --help lists all"},
		"too few arguments":           {[]string{"route"}, ExitUsage, "usage: kubectl travis route REPO [ADDRESS] [EVENTS…]"},
		"no repository":               {[]string{"route", "a", "room"}, ExitUsage, "write owner/name"},
		"neither channel nor account": {[]string{"route", "a/b", "", "fixed", "--dry-run=server"}, ExitError, "no cluster is configured"},
		"a URL without a scheme":      {[]string{"token", "a/b", "--generate", "--public-url", "hooks.example.com/travis"}, ExitUsage, "with scheme and path"},
		"a URL without a path":        {[]string{"token", "a/b", "--generate", "--public-url", "https://hooks.example.com/"}, ExitUsage, "https://hooks.example.com/travis"},
		"a build type as default":     {[]string{"defaults", "push"}, ExitUsage, "kubectl travis route … --build-types"},
		"a misspelled event":          {[]string{"route", "a/b", "fialure", "--account", "x"}, ExitUsage, "did you mean failure?"},
		"nothing to lint":             {[]string{"lint"}, ExitUsage, "usage: kubectl travis lint"},
		"a span that is none":         {[]string{"why", "a/b", "--since", "soon"}, ExitUsage, "7d"},
		"a link to another build":     {[]string{"why", "a/b", "https://app.travis-ci.com/github/a/c/builds/7"}, ExitUsage, "a/c"},
		"a link to something else":    {[]string{"why", "https://app.travis-ci.com/github/a"}, ExitUsage, "/builds/"},
		"an unknown output":           {[]string{"routes", "-o", "xml"}, ExitUsage, "xml"},
		"an unknown dry run":          {[]string{"route", "a/b", "room", "--dry-run=maybe"}, ExitUsage, "maybe"},
		"events and follow-defaults":  {[]string{"route", "a/b", "r", "fixed", "--follow-defaults"}, ExitUsage, "either EVENTS or"},
		"a token in the history":      {[]string{"token", "a/b", "s3cr3t"}, ExitUsage, "shell's history"},
		"two services":                {[]string{"account", "x", "--slack", "--xmpp"}, ExitUsage, "choose one service"},
		"an account that cannot be":   {[]string{"account", "x", "--slack"}, ExitError, "account x is invalid"},
		"no file":                     {[]string{"lint", "nowhere.yaml"}, ExitError, "nowhere.yaml"},
		"whose .travis.yml":           {[]string{"import", "root_test.go", "--from", "travis.yml"}, ExitUsage, "--repo owner/name"},
		"nothing to redrive":          {[]string{"redrive"}, ExitUsage, "--all"},
		"an unknown state":            {[]string{"deliveries", "--state", "lost"}, ExitUsage, "lost"},
		"no cluster":                  {[]string{"routes"}, ExitError, "no cluster is configured"},
		"no cluster for a token":      {[]string{"token", "a/b", "--generate"}, ExitError, "no cluster is configured"},
		"no cluster for why":          {[]string{"why", "a/b"}, ExitError, "no cluster is configured"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := execute(t, "an input", test.args...)
			if code != test.code || out != "" || !strings.Contains(errOut, test.says) || strings.Count(errOut, "\n") != 1 || !strings.HasPrefix(errOut, "error: ") {
				t.Errorf("exit code %d (want %d), says %q (want %q) and on the standard output %q", code, test.code, errOut, test.says, out)
			}
			if strings.Contains(errOut, "s3cr3t") || strings.Contains(errOut, "an input") {
				t.Errorf("it shows a secret: %s", errOut)
			}
		})
	}
}

func TestLintOutputs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a,b.yaml")
	manifest := "apiVersion: travishook.dev/v1alpha1\nkind: TravisRoute\nmetadata: {name: a}\nspec: {repository: a/b, channels: [{account: x}], events: [failed]}\n"
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"lint", file}, ExitOK, ":4: warning: spec.events: events list failed without broken"},
		{[]string{"lint", "--strict", file}, ExitError, ":4: warning"},
		{[]string{"lint", "-o", "github", file}, ExitOK, "::warning file=" + strings.ReplaceAll(file, ",", "%2C") + ",line=4,title=TravisRoute default/a::events"},
		{[]string{"lint", "-o", "json", file}, ExitOK, `"line": 4`},
	} {
		code, out, _ := execute(t, "", test.args...)
		if code != test.code || !strings.Contains(out, test.says) {
			t.Errorf("%v: exit code %d (want %d)\n%s", test.args, code, test.code, out)
		}
	}
}

func TestRenderCapturedForm(t *testing.T) {
	dir := t.TempDir()
	route := filepath.Join(dir, "route.yaml")
	manifest := "apiVersion: travishook.dev/v1alpha1\nkind: TravisRoute\nmetadata: {name: a}\nspec: {repository: A/b, channels: [{account: x, address: room}], events: ['*']}\n"
	if err := os.WriteFile(route, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	payload := `{"id":1,"number":"7","state":"passed","status_message":"Fixed","repository":{"id":3,"name":"b","owner_name":"a"}}`
	for name, input := range map[string]string{
		"JSON":    payload,
		"form":    "payload=" + strings.NewReplacer("{", "%7B", "\"", "%22").Replace(payload),
		"request": "POST /travis HTTP/1.1\r\nHost: x\r\n\r\npayload=" + payload,
	} {
		code, out, errOut := execute(t, input, "render", "-f", route, "--payload", "-")
		if code != ExitOK || !strings.Contains(out, "build/7: fixed") || !strings.Contains(out, "to x:room") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errOut)
		}
	}
}

func TestHelpOfNoCommand(t *testing.T) {
	code, out, errOut := execute(t, "", "help", "rout")
	if code != 2 || out != "" || !strings.Contains(errOut, `unknown command "rout"; did you mean route?`) {
		t.Errorf("exit code %d, printed %q and %q", code, out, errOut)
	}
}

func TestAnUnknownCommand(t *testing.T) {
	for typed, want := range map[string]string{
		"wy": `unknown command "wy"; did you mean why?`, "rout": `unknown command "rout"; did you mean route?`,
		"zzzzzzzzz": `unknown command "zzzzzzzzz"; there are: account, `,
	} {
		if code, _, errOut := execute(t, "", typed, "a/b"); code != ExitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%s: exit code %d, printed %q", typed, code, errOut)
		}
	}
}

func TestAnUnknownFlag(t *testing.T) {
	code, _, errOut := execute(t, "", "route", "a/b", "x", "--acount", "y")
	if code != 2 || !strings.Contains(errOut, "unknown flag: --acount; did you mean --account?") {
		t.Errorf("exit code %d, printed %q", code, errOut)
	}
}
