package cluster_test

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/travishook/travishook/test/nats"
)

//go:embed nats.yaml
var natsManifest string

// toExternal starts a NATS cluster that requires client certificates, and moves the operator to it, with three replicas.
func toExternal(t *testing.T, env *environment) {
	t.Helper()
	env.startNATS(t)
	env.chart(t, "upgrade", "--values", env.external())
}

// upgradeExternal is a rollout of the three replicas.
func upgradeExternal(t *testing.T, env *environment) {
	t.Helper()
	env.chart(t, "upgrade", "--values", env.external(), "--set", "podAnnotations.trial=external")
}

// deleteNATS takes one server of the store away, and waits until it is back.
func deleteNATS(t *testing.T, env *environment) {
	t.Helper()
	env.kubectl(t, "-n", "nats", "delete", "pod", "nats-0")
	env.kubectl(t, "-n", "nats", "rollout", "status", "statefulset/nats", "--timeout=2m")
}

func (env *environment) external() string { return filepath.Join(env.folder, "external.yaml") }

func (env *environment) startNATS(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	must(t, nats.Certificates(folder, "nats-0.nats.nats", "nats-1.nats.nats", "nats-2.nats.nats"))
	file := func(name string) string { return filepath.Join(folder, name) }
	env.kubectl(t, "create", "namespace", "nats")
	env.kubectl(t, "create", "secret", "generic", "nats-tls", "-n", "nats",
		"--from-file="+file("ca.crt"), "--from-file="+file("tls.crt"), "--from-file="+file("tls.key"))
	env.kubectl(t, "create", "secret", "generic", "nats", "-n", system, "--from-file="+file("ca.crt"))
	env.kubectl(t, "create", "secret", "tls", "nats-client", "-n", system, "--cert="+file("tls.crt"), "--key="+file("tls.key"))
	manifest := env.write(t, "nats.yaml", strings.ReplaceAll(natsManifest, "NATS_IMAGE", os.Getenv("NATS_IMAGE")))
	env.kubectl(t, "apply", "--server-side", "-f", manifest)
	env.kubectl(t, "rollout", "status", "statefulset/nats", "-n", "nats", "--timeout=2m")
	env.write(t, "external.yaml", `
replicas: 3
config: {store: {external: {url: "tls://nats-0.nats.nats:4222,tls://nats-1.nats.nats:4222,tls://nats-2.nats.nats:4222", replicas: 3}}}
store: {external: {ca: {secretName: nats}, tls: {secretName: nats-client}}}
`)
}
