package cluster_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/travishook/travishook/test/docs"
)

// looking are the commands of operations and runbooks that look at something and change nothing. test/docs/commands runs the
// others, with an API server alone.
var looking = regexp.MustCompile("`(kubectl (?:-n [a-z-]+ )?(?:(?:get|describe|logs|events|wait) [^`]+|travis (?:why|deliveries|routes|token) [^`]+))`")

// incomplete are commands that lack their arguments.
var incomplete = regexp.MustCompile(`…|token --url$`)

var placeholders = strings.NewReplacer("OWNER/NAME", "example/example", "NAMESPACE", team, "TEAM", team, "NAME", "example")

// commands runs the commands that people look at the operator with, as the pages have them.
func (env *environment) commands(t *testing.T) {
	pages, err := docs.Pages("../..")
	must(t, err)
	kubeconfig := env.write(t, "kubeconfig", env.kubectl(t, "config", "view", "--raw", "--minify", "--flatten"))
	env.kubectl(t, "--kubeconfig", kubeconfig, "config", "set-context", "--current", "--namespace", team)
	// A team can have defaults of its own.
	defaults := env.write(t, "defaults.yaml", "apiVersion: travishook.dev/v1alpha1\nkind: TravisDefaults\nmetadata: {name: default, namespace: "+team+"}\nspec: {events: [\"*\"]}\n")
	env.kubectl(t, "apply", "-f", defaults)
	defer env.kubectl(t, "delete", "-f", defaults)
	ran := map[string]bool{}
	for _, page := range pages {
		if !strings.HasPrefix(page.Path, "docs/operations/") {
			continue
		}
		for _, found := range looking.FindAllStringSubmatch(page.Text, -1) {
			command := placeholders.Replace(found[1])
			if ran[command] || incomplete.MatchString(command) {
				continue
			}
			ran[command] = true
			shell := exec.CommandContext(t.Context(), "bash", "-eo", "pipefail", "-c", command)
			shell.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig,
				"PATH="+filepath.Dir(env.kubectlPath)+string(os.PathListSeparator)+os.Getenv("PLUGIN")+string(os.PathListSeparator)+os.Getenv("PATH"))
			if out, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v\n%s", page.Path, command, err, out)
			} else if len(out) == 0 {
				t.Errorf("%s: %s prints nothing", page.Path, command)
			}
		}
	}
	if len(ran) < 10 {
		t.Errorf("the pages have only %d such commands", len(ran))
	}
	t.Logf("%d commands ran", len(ran))
}
