package cluster_test

import "testing"

// reason is a mistake of the installation, and the sentence that people find about it.
type reason struct {
	name  string
	make  func(*testing.T, *world)
	where []string // arguments of kubectl
	shows string
	route string // what the route's condition shows, if anything
}

// lastWords is where kubectl describe pod takes the last words of a container that ended from.
var lastWords = []string{"get", "pod", "travishook-0", "-n", system, "-o", "jsonpath={.status.containerStatuses[0].lastState.terminated.message}"}

var reasons = []reason{
	{
		name: "no CRDs",
		make: func(t *testing.T, w *world) {
			w.kubectl(t, "delete", "crd", "travisroutes.travishook.dev", "travisdefaults.travishook.dev")
			w.kubectl(t, "delete", "pod", "travishook-0", "-n", system)
		},
		where: lastWords, shows: "the cluster does not have travisroutes.travishook.dev",
	},
	{
		name: "no permission",
		make: func(t *testing.T, w *world) {
			w.kubectl(t, "delete", "clusterrolebinding", "travishook")
			w.kubectl(t, "delete", "pod", "travishook-0", "-n", system)
		},
		where: lastWords, shows: "may not list travisroutes.travishook.dev in all namespaces",
	},
	{
		name: "key URL that cannot be reached",
		make: func(t *testing.T, w *world) {
			values := w.write(t, "unreachable.yaml", `config: {trust: {keys: [{name: far, url: "https://`+w.address+`:1/config"}]}}`)
			_, err := w.helm.Run(t.Context(), "upgrade", "travishook", w.helm.Chart(), "--namespace", system, "--values", w.values, "--values", values)
			must(t, err)
		},
		where: []string{"get", "--raw", "/api/v1/namespaces/" + system + "/pods/travishook-0:8081/proxy/readyz?verbose"},
		shows: "connection refused", route: "connection refused",
	},
}

// mistakes makes each in turn, and puts it right again with an upgrade.
func (w *world) mistakes(t *testing.T) {
	for _, r := range reasons {
		if !wanted(r.name) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			r.make(t, w)
			eventually(t, "the reason is shown", func() error { return w.shows(t, r.shows, r.where...) })
			if r.route != "" {
				eventually(t, "the reason is on the route", func() error {
					return w.shows(t, r.route, "get", "travisroute", "example", "-n", team, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].message}`)
				})
			}
			// Helm itself refuses to upgrade without the CRDs, before its hooks.
			w.kubectl(t, "apply", "--server-side", "-f", "../../config/crd/bases")
			w.kubectl(t, "wait", "--for=condition=Established", "crd", "travisroutes.travishook.dev", "travisdefaults.travishook.dev")
			// Without --wait, which gives up at the sight of the pod that failed.
			_, err := w.helm.Run(t.Context(), "upgrade", "travishook", w.helm.Chart(), "--namespace", system, "--values", w.values)
			must(t, err)
			w.kubectl(t, "delete", "pod", "travishook-0", "-n", system)
			w.kubectl(t, "rollout", "status", "statefulset/travishook", "-n", system, "--timeout=2m")
			w.kubectl(t, "apply", "--server-side", "-f", w.folder+"/routes.yaml")
			w.kubectl(t, "wait", "--for=condition=Ready", "travisroute", "--all", "-n", team, "--timeout=60s")
		})
	}
}
