package cluster_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const (
	selector = "app.kubernetes.io/name=travishook"
	claim    = "travishook-store"
)

// step is something that happens to the operator under load.
type step struct {
	name string
	own  bool // needs the node of hack/node.sh
	none bool // no webhook may be refused
	do   func(*testing.T, *environment)
}

var steps = []step{
	{name: "upgrade", none: true, do: func(t *testing.T, env *environment) {
		env.chart(t, "upgrade", "--set", "podAnnotations.trial=upgraded")
	}},
	{name: "upgrade of the chart and the CRDs", none: true, do: upgradeCRDs},
	{name: "rollback", none: true, do: func(t *testing.T, env *environment) { env.chart(t, "rollback", "1") }},
	{name: "pod deleted", do: func(t *testing.T, env *environment) { env.kubectl(t, "delete", "pod", "-n", system, env.pod(t)) }},
	{name: "process killed", own: true, do: kill},
	{name: "node drained, and uncordoned at once", own: true, do: drain},
	{name: "kubelet restarted", own: true, do: restart("kubelet")},
	{name: "containerd restarted", own: true, do: restart("containerd")},
	{name: "API server restarted", own: true, do: restart("apiserver")},
	{name: "scaled to 0 and back", do: scale},
	{name: "volume full, freed when the operator had reported it", own: true, do: fill},
	{name: "uninstalled, and installed again on the same volume", do: reinstall},
	{name: "from the embedded store to a NATS cluster", own: true, do: toExternal},
	{name: "three replicas: upgrade", own: true, none: true, do: upgradeExternal},
	{name: "three replicas: rollback", own: true, none: true, do: func(t *testing.T, env *environment) { env.chart(t, "rollback") }},
	{name: "three replicas: pod deleted", own: true, none: true, do: func(t *testing.T, env *environment) { env.kubectl(t, "delete", "pod", "-n", system, env.pod(t)) }},
	{name: "three replicas: process killed", own: true, do: kill},
	{name: "three replicas: NATS server deleted", own: true, none: true, do: deleteNATS},
	{name: "from the NATS cluster to the embedded store", own: true, do: func(t *testing.T, env *environment) { env.chart(t, "upgrade") }},
}

// upgradeCRDs upgrades a cluster whose CRD lacks a field.
func upgradeCRDs(t *testing.T, env *environment) {
	t.Helper()
	const routes, field = "travisroutes.travishook.dev", "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/repositoryID"
	get := func() string {
		return env.kubectl(t, "get", "crd", routes, "-o", "jsonpath={.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.repositoryID.type}")
	}
	env.kubectl(t, "patch", "crd", routes, "--type=json", "-p", `[{"op":"remove","path":"`+field+`"}]`)
	if got := get(); got != "" {
		t.Fatalf("the older CRD has the field: %s", got)
	}
	env.chart(t, "upgrade", "--set", "podAnnotations.trial=crds")
	if get() == "" {
		t.Error("the upgrade did not bring the CRD up to date")
	}
}

// kill kills an operator's process with SIGKILL. The test runs among the node's processes.
func kill(t *testing.T, _ *environment) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, command := range commands {
		words, err := os.ReadFile(command)
		if err == nil && strings.HasPrefix(string(words), "/travishook\x00--settings") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(command)))
			must(t, err)
			must(t, syscall.Kill(pid, syscall.SIGKILL))
			return
		}
	}
	must(t, errors.New("the operator does not run"))
}

// drain evicts the operator, and lets it back, because there is no other node.
func drain(t *testing.T, env *environment) {
	t.Helper()
	node := env.kubectl(t, "get", "nodes", "-o", "name")
	env.kubectl(t, "drain", node, "--pod-selector", selector, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=3m")
	env.kubectl(t, "uncordon", node)
}

// restart ends a component of the node and starts it again.
func restart(component string) func(*testing.T, *environment) {
	return func(t *testing.T, env *environment) {
		t.Helper()
		_, err := run(t.Context(), env.node, ".restart", component)
		must(t, err)
		eventually(t, "the API server answers", func() error {
			_, err := run(t.Context(), env.kubectlPath, "get", "--raw", "/readyz")
			return err
		})
		env.kubectl(t, "wait", "node", "--all", "--for=condition=Ready", "--timeout=1m")
	}
}

func scale(t *testing.T, env *environment) {
	t.Helper()
	env.kubectl(t, "scale", "deployment", "travishook", "-n", system, "--replicas=0")
	env.kubectl(t, "wait", "pod", "-l", selector, "-n", system, "--for=delete", "--timeout=2m")
	env.kubectl(t, "scale", "deployment", "travishook", "-n", system, "--replicas=1")
}

// fill fills the volume until the operator notices, checks what it reports, and frees the space.
func fill(t *testing.T, env *environment) {
	t.Helper()
	volume := env.kubectl(t, "get", "pvc", "-n", system, claim, "-o", "jsonpath={.spec.volumeName}")
	path := env.kubectl(t, "get", "pv", volume, "-o", "jsonpath={.spec.local.path}")
	ballast := filepath.Join(path, "ballast")
	t.Cleanup(func() { _ = os.Remove(ballast) })
	must(t, fillDisk(ballast))
	eventually(t, "the probe names the reason", func() error {
		return env.shows(t, "no space left on device", "get", "--raw", env.proxied(env.pod(t)+":8081", "readyz?verbose"))
	})
	eventually(t, "a condition names the reason", func() error {
		return env.shows(t, "no space left on device", "get", "travisdefaults", "default", "-n", system, "-o",
			`jsonpath={.status.conditions[?(@.type=="StoreAvailable")].message}`)
	})
	eventually(t, "an Event names the reason", func() error {
		return env.shows(t, "no space left on device", "events", "-n", system, "--for", "travisdefaults/default")
	})
	must(t, os.Remove(ballast))
}

// fillDisk writes a file until the disk is full.
func fillDisk(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	// Large pieces first: allocating is quick, and the last blocks go one by one.
	for size := int64(1 << 30); size >= 4096; {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if syscall.Fallocate(int(f.Fd()), 0, info.Size(), size) != nil {
			size /= 2
		}
	}
	return nil
}

// proxied is the path of a pod's port through the API server, which reaches it on any cluster.
func (env *environment) proxied(pod, path string) string {
	return "/api/v1/namespaces/" + system + "/pods/" + pod + "/proxy/" + path
}

// shows returns an error unless the output of kubectl contains want. A refused request shows its body, too.
func (env *environment) shows(t *testing.T, want string, args ...string) error {
	t.Helper()
	out, err := run(t.Context(), env.kubectlPath, args...)
	if err != nil {
		out = err.Error()
	}
	if !strings.Contains(out, want) {
		return fmt.Errorf("kubectl %s shows: %s", strings.Join(args, " "), out)
	}
	return nil
}

// pod is the name of one of the operator's pods.
func (env *environment) pod(t *testing.T) string {
	t.Helper()
	return env.kubectl(t, "get", "pods", "-n", system, "-l", selector, "--field-selector=status.phase=Running", "-o", "jsonpath={.items[0].metadata.name}")
}

// reinstall keeps the volume, as helm uninstall does.
func reinstall(t *testing.T, env *environment) {
	t.Helper()
	env.chart(t, "uninstall")
	env.kubectl(t, "get", "pvc", "-n", system, claim)
	env.chart(t, "install")
}
