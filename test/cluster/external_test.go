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
func toExternal(t *testing.T, w *world) {
	t.Helper()
	w.startNATS(t)
	w.chart(t, "upgrade", "--values", w.external())
}

// upgradeExternal is a rollout of the three replicas.
func upgradeExternal(t *testing.T, w *world) {
	t.Helper()
	w.chart(t, "upgrade", "--values", w.external(), "--set", "podAnnotations.trial=external")
}

// deleteNATS takes one server of the store away, and waits until it is back.
func deleteNATS(t *testing.T, w *world) {
	t.Helper()
	w.kubectl(t, "-n", "nats", "delete", "pod", "nats-0")
	w.kubectl(t, "-n", "nats", "rollout", "status", "statefulset/nats", "--timeout=2m")
}

func (w *world) external() string { return filepath.Join(w.folder, "external.yaml") }

func (w *world) startNATS(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	must(t, nats.Certificates(folder, "nats-0.nats.nats", "nats-1.nats.nats", "nats-2.nats.nats"))
	file := func(name string) string { return filepath.Join(folder, name) }
	w.kubectl(t, "create", "namespace", "nats")
	w.kubectl(t, "create", "secret", "generic", "nats-tls", "-n", "nats",
		"--from-file="+file("ca.crt"), "--from-file="+file("tls.crt"), "--from-file="+file("tls.key"))
	w.kubectl(t, "create", "secret", "generic", "nats", "-n", system, "--from-file="+file("ca.crt"))
	w.kubectl(t, "create", "secret", "tls", "nats-client", "-n", system, "--cert="+file("tls.crt"), "--key="+file("tls.key"))
	manifest := w.write(t, "nats.yaml", strings.ReplaceAll(natsManifest, "NATS_IMAGE", os.Getenv("NATS_IMAGE")))
	w.kubectl(t, "apply", "--server-side", "-f", manifest)
	w.kubectl(t, "rollout", "status", "statefulset/nats", "-n", "nats", "--timeout=2m")
	w.write(t, "external.yaml", `
replicas: 3
config: {store: {external: {url: "tls://nats-0.nats.nats:4222,tls://nats-1.nats.nats:4222,tls://nats-2.nats.nats:4222", replicas: 3}}}
store: {external: {ca: {secretName: nats}, tls: {secretName: nats-client}}}
`)
}
