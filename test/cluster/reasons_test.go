package cluster_test

import "testing"

// reason is a mistake of the installation, and the sentence that people find about it.
type reason struct {
	name  string
	make  func(*testing.T, *environment)
	where func(*testing.T, *environment) []string // arguments of kubectl
	shows string
	route string // what the route's condition shows, if anything
}

// lastWords is where kubectl describe pod takes the last words of a container that ended from.
func lastWords(*testing.T, *environment) []string {
	return []string{"get", "pod", "-n", system, "-l", selector, "-o", "jsonpath={.items[*].status.containerStatuses[0].lastState.terminated.message}"}
}

var reasons = []reason{
	{
		name: "no CRDs",
		make: func(t *testing.T, env *environment) {
			env.kubectl(t, "delete", "crd", "travisroutes.travishook.dev", "travisdefaults.travishook.dev")
			env.kubectl(t, "delete", "pod", "-l", selector, "-n", system)
		},
		where: lastWords, shows: "the cluster does not have travisroutes.travishook.dev",
	},
	{
		name: "no permission",
		make: func(t *testing.T, env *environment) {
			env.kubectl(t, "delete", "clusterrolebinding", "travishook")
			env.kubectl(t, "delete", "pod", "-l", selector, "-n", system)
		},
		where: lastWords, shows: "may not list travisroutes.travishook.dev in all namespaces",
	},
	{
		name: "key URL that cannot be reached",
		make: func(t *testing.T, env *environment) {
			values := env.write(t, "unreachable.yaml", `config: {trust: {keys: [{name: far, url: "https://`+env.address+`:1/config"}]}}`)
			upgrade := []string{"upgrade", "travishook", env.helm.Chart(), "--namespace", system, "--values", env.values, "--values", values}
			_, err := env.helm.Run(t.Context(), upgrade...)
			must(t, err)
			eventually(t, "the new pod does not replace the old one", func() error {
				newest := env.kubectl(t, "get", "pods", "-n", system, "-l", selector, "--sort-by=.metadata.creationTimestamp", "-o", "jsonpath={.items[-1:].metadata.name}")
				return env.shows(t, "keeps it until this one could verify webhooks", "get", "--raw", env.proxied(newest+":8081", "readyz?verbose"))
			})
			env.kubectl(t, "wait", "--for=condition=Available", "deployment/travishook", "-n", system, "--timeout=60s")
			_, err = env.helm.Run(t.Context(), append(upgrade, "--set", "store.handover=false")...)
			must(t, err)
		},
		where: func(t *testing.T, env *environment) []string {
			return []string{"get", "--raw", env.proxied(env.pod(t)+":8081", "readyz?verbose")}
		},
		shows: "connection refused", route: "connection refused",
	},
}

// mistakes makes each in turn, and puts it right again with an upgrade.
func (env *environment) mistakes(t *testing.T) {
	for _, r := range reasons {
		if !wanted(r.name) {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			r.make(t, env)
			eventually(t, "the reason is shown", func() error { return env.shows(t, r.shows, r.where(t, env)...) })
			eventually(t, "kubectl describe pod shows it", func() error { return env.shows(t, r.shows, "describe", "pod", "-l", selector, "-n", system) })
			if r.route != "" {
				eventually(t, "the reason is on the route", func() error {
					return env.shows(t, r.route, "get", "travisroute", "example", "-n", team, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].message}`)
				})
			}
			// Helm itself refuses to upgrade without the CRDs, before its hooks.
			env.kubectl(t, "apply", "--server-side", "-f", "../../config/crd/bases")
			env.kubectl(t, "wait", "--for=condition=Established", "crd", "travisroutes.travishook.dev", "travisdefaults.travishook.dev")
			// Without --wait, which gives up at the sight of the pod that failed.
			_, err := env.helm.Run(t.Context(), "upgrade", "travishook", env.helm.Chart(), "--namespace", system, "--values", env.values)
			must(t, err)
			if r.route == "" { // its pod restarts seldom by now
				env.kubectl(t, "delete", "pod", "-l", selector, "-n", system)
			}
			env.kubectl(t, "rollout", "status", "deployment/travishook", "-n", system, "--timeout=2m")
			env.kubectl(t, "apply", "--server-side", "-f", env.folder+"/routes.yaml")
			env.kubectl(t, "wait", "--for=condition=Ready", "travisroute", "--all", "-n", team, "--timeout=60s")
		})
	}
}
