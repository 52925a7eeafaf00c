package cluster_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/helm"
	"github.com/travishook/travishook/test/nginx"
	"github.com/travishook/travishook/test/prosody"
)

const (
	system = "travishook-system"
	team   = "team-a"
	room   = "example@" + prosody.Rooms
	token  = "a-long-random-string"
)

// environment is the cluster with everything around the operator: ingress, chat servers and clients.
type environment struct {
	helm        *helm.Helm
	kubectlPath string
	node        string // hack/node.sh, if the cluster is its own
	address     string // where pods reach this machine
	nodePort    string
	image       string
	folder      string

	nginx   *nginx.Server
	url     string // nginx'
	sink    *sink
	sinkURL string
	prosody *prosody.Server
	room    *prosody.Occupant
	values  string // path of the values
}

// newEnvironment starts nginx in front of the Service, Prosody with a room, and the channel that counts.
func newEnvironment(t *testing.T) *environment {
	t.Helper()
	root, err := filepath.Abs("../..")
	must(t, err)
	env := &environment{
		kubectlPath: os.Getenv("KUBECTL"), node: os.Getenv("NODE_SCRIPT"), address: os.Getenv("ADDRESS"), nodePort: os.Getenv("NODE_PORT"),
		image: os.Getenv("IMAGE"), folder: t.TempDir(), sink: &sink{builds: map[int64]int{}},
	}
	// The store remembers builds, also those of an earlier trial.
	builds.Store(time.Now().UnixMilli())
	env.helm, err = helm.New(t.Context(), root, filepath.Join(env.folder, "helm"))
	must(t, err)
	env.nginx, err = nginx.Start(context.WithoutCancel(t.Context()), t.TempDir(), net.JoinHostPort(env.nodeAddress(t), env.nodePort))
	must(t, err)
	t.Cleanup(func() { must(t, env.nginx.Stop()) })
	env.url = "https://" + env.nginx.HTTPS
	listener, err := net.Listen("tcp", net.JoinHostPort(env.address, "0"))
	must(t, err)
	server := &http.Server{Handler: env.sink, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	env.sinkURL = "http://" + listener.Addr().String() + "/"
	env.prosody = prosody.Start(t, prosody.Options{Host: env.address, Accounts: []prosody.Account{{Name: "ci", Password: "secret"}}})
	env.room = env.prosody.Join(t, "watcher", room)
	return env
}

// nodeAddress is an address of a node, where kube-proxy serves the node port.
func (env *environment) nodeAddress(t *testing.T) string {
	t.Helper()
	return env.kubectl(t, "get", "nodes", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
}

// proof is the last segment of the webhook's path for a repository with a token.
func proof(repository string) string {
	hash := sha256.Sum256([]byte(repository + token))
	return hex.EncodeToString(hash[:])
}

// prepare creates what docs/getting-started.md has people create before the chart is installed.
func (env *environment) prepare(t *testing.T) {
	t.Helper()
	repository, tag, _ := cutLast(env.image, ":")
	env.values = env.write(t, "values.yaml", `
image: {repository: `+repository+`, tag: `+tag+`}
signatureOnly: ["load/*"]
defaults:
  accounts:
  - {name: jabber, xmpp: {jid: ci@`+prosody.Domain+`, server: "`+env.prosody.Address+`", secretRef: {name: jabber}}}
  - {name: hook, webhook: {secretRef: {name: hook}}}
service: {type: NodePort, nodePort: `+env.nodePort+`}
ingress: {enabled: true, host: hooks.example.com, tls: [{hosts: [hooks.example.com], secretName: hooks}]}
config: {trust: {keys: [{name: trial, configMap: {name: travis-key, key: key.pem}}]}}
`)
	key := env.write(t, "key.pem", travistest.PEM(travistest.Key()))
	authority := env.write(t, "ca.crt", string(env.prosody.CA))
	env.kubectl(t, "create", "namespace", system)
	env.kubectl(t, "label", "namespace", system, "pod-security.kubernetes.io/enforce=restricted")
	env.kubectl(t, "create", "namespace", team)
	env.kubectl(t, "create", "configmap", "travis-key", "-n", system, "--from-file=key.pem="+key)
	env.kubectl(t, "create", "secret", "generic", "jabber", "-n", system, "--from-literal=password=secret", "--from-file=ca.crt="+authority)
	urls := []string{"create", "secret", "generic", "hook", "-n", system}
	routes := `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: example, namespace: ` + team + `}
spec: {repository: example/example, channels: [{account: jabber, address: ` + room + `}]}
`
	for i := range repositories {
		name := "r" + string(rune('0'+i))
		urls = append(urls, "--from-literal="+name+"="+env.sinkURL+name)
		routes += `---
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: ` + name + `, namespace: ` + team + `}
spec: {repository: load/` + name + `, channels: [{account: hook, address: ` + name + `}]}
`
	}
	env.kubectl(t, urls...)
	env.kubectl(t, "label", "secret", "jabber", "hook", "-n", system, "travishook.dev/secret-type=credential")
	env.kubectl(t, "create", "secret", "generic", "example-token", "-n", team, "--from-literal=repository=example/example", "--from-literal=token="+token)
	env.kubectl(t, "label", "secret", "example-token", "-n", team, "travishook.dev/secret-type=token")
	env.write(t, "routes.yaml", routes)
}

// write writes a file into the environment's folder and returns its path.
func (env *environment) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(env.folder, name)
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// kubectl returns the output of kubectl, without spaces around it.
func (env *environment) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t.Context(), env.kubectlPath, args...)
	must(t, err)
	return out
}

// chart runs a command of Helm for the release, with the values, and waits for its end.
func (env *environment) chart(t *testing.T, verb string, more ...string) {
	t.Helper()
	args := append([]string{verb, "travishook"}, more...)
	if verb == "install" || verb == "upgrade" {
		args = append([]string{verb, "travishook", env.helm.Chart(), "--values", env.values}, more...)
	}
	_, err := env.helm.Run(t.Context(), append(args, "--namespace", system, "--wait", "--timeout", "3m")...)
	must(t, err)
}

// eventually repeats f until it returns nil.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
		<-again.C
	}
}

func run(ctx context.Context, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	var out, words bytes.Buffer
	command.Stdout, command.Stderr = &out, &words
	if err := command.Run(); err != nil {
		return "", errors.New(filepath.Base(name) + " " + strings.Join(args, " ") + ": " + err.Error() + "\n" + words.String())
	}
	return strings.TrimSpace(out.String()), nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
