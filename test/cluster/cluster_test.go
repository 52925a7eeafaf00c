// Package cluster_test tests the operator in a real cluster, as a platform engineer installs it: the image, the chart,
// nginx in front, Prosody and a webhook channel behind, and webhooks signed as Travis signs them, four a second, while
// the operator is upgraded, deleted, killed and moved. hack/e2e-cluster.sh runs it.
package cluster_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"
)

// TestCluster prints how many webhooks each event refused. A full pass with WRITE writes that into the docs, too. No
// webhook that was accepted may be lost.
func TestCluster(t *testing.T) {
	if os.Getenv("KUBECTL") == "" {
		t.Skip("make e2e-cluster runs it")
	}
	env := newEnvironment(t)
	t.Run("install", env.install)
	if t.Failed() {
		return
	}
	report := newReport(t, env)
	t.Run("commands of the docs", env.commands)
	for _, s := range steps {
		if (s.own && env.node == "") || !wanted(s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			l := env.start(t.Context())
			defer l.stop()
			l.recovered(t)
			began := time.Now()
			s.do(t, env)
			l.recovered(t)
			v := l.finish(t)
			t.Logf("%s (%.0f s): %s", s.name, time.Since(began).Seconds(), v)
			if v.Lost > 0 {
				t.Errorf("%d webhooks were answered 202, and their messages did not arrive", v.Lost)
			}
			if s.none && v.Refused > 0 {
				t.Errorf("%d webhooks were refused, although another pod could take them", v.Refused)
			}
			report.add(t, s.name, v)
		})
	}
	env.mistakes(t)
	report.end(t)
}

// wanted reports whether STEPS, a regular expression, matches the name. Empty means all.
func wanted(name string) bool {
	return regexp.MustCompile(os.Getenv("STEPS")).MatchString(name)
}

// install follows docs/getting-started.md up to the first message in the room.
func (env *environment) install(t *testing.T) {
	env.prepare(t)
	began := time.Now()
	env.chart(t, "install")
	t.Logf("helm install --wait returned after %.1f s", time.Since(began).Seconds())
	env.kubectl(t, "apply", "--server-side", "-f", env.folder+"/routes.yaml")
	env.kubectl(t, "wait", "--for=condition=Ready", "travisroute", "--all", "-n", team, "--timeout=60s")
	eventually(t, "the first webhook is accepted", func() error {
		if a := env.post(t.Context(), env.url+"/travis/"+proof("example/example"), "example/example"); !a.accepted() {
			return fmt.Errorf("answered %s", a.what)
		}
		return nil
	})
	env.room.Messages(t, 1)
	t.Logf("the first message was in the room after %.1f s", time.Since(began).Seconds())
	// Its pod posts to the Service, through the cluster's DNS.
	_, err := env.helm.Run(t.Context(), "test", "travishook", "--namespace", system)
	must(t, err)
}
