package main

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/operator"
)

const (
	systemNamespace = "travishook-system"
	teamNamespace   = "team-a"
)

// demo is the state that the steps share.
type demo struct {
	breaks string
	keep   bool

	dir      string // of this run: settings, store, keys, logs
	key      *rsa.PrivateKey
	plane    *controlplane.ControlPlane
	channel  *chat.Channel
	operator *operator.Process
	expected []string // what the messages must say, in order
	env      []string // for kubectl with its plugin
}

// patience limits each wait for something that takes about a second on a quiet machine. A demo with a broken part
// waits in vain, and for less.
func (d *demo) patience() time.Duration {
	if d.breaks != "" {
		return 30 * time.Second
	}
	return 90 * time.Second
}

// step is a step of the demo; its title is printed first.
type step struct {
	title string
	do    func(context.Context) error
}

func (d *demo) steps() []step {
	return []step{
		{"Start a Kubernetes API server with etcd, and install travishook's CRDs", d.startCluster},
		{"Open a chat channel: here, a small HTTP server that a webhook account posts to", d.openChannel},
		{"Apply the manifests, as a team does", d.apply},
		{"Start the operator as a process", d.startOperator},
		{"Wait until the route is ready", d.waitReady},
		{"Post webhooks exactly as Travis CI sends them, and watch the channel", d.post},
		{"Look at the channel: it has one message for each build, with its latest state", d.look},
		{"Ask why a message arrived, and why another did not", d.ask},
		{"Stop the operator, and check that nothing else was sent", d.finish},
	}
}

func (d *demo) run(ctx context.Context) (err error) {
	if d.dir, err = os.MkdirTemp("", "travishook-demo-"); err != nil {
		return err
	}
	d.key = travistest.Key()
	steps := d.steps()
	for i, s := range steps {
		fmt.Printf("\n%d. %s\n", i+1, s.title)
		if d.keep && i == len(steps)-1 {
			d.stayUp(ctx)
		}
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("step %d (%s): %w", i+1, strings.ToLower(s.title[:1])+s.title[1:], err)
		}
	}
	fmt.Printf("\nEach of %d states arrived, in %d messages, and nothing else.\n", len(d.expected), len(d.channel.Shown()))
	return nil
}

// cleanUp stops what still runs, and keeps the operator's log after a failure.
func (d *demo) cleanUp() {
	if d.operator != nil {
		d.operator.Kill()
		log := filepath.Join(os.TempDir(), "travishook-demo-operator.log")
		if os.WriteFile(log, []byte(d.operator.Log()), 0o600) == nil {
			fmt.Println("\nThe operator's log is in", log)
		}
	}
	if d.channel != nil {
		d.channel.Close()
	}
	if d.plane != nil {
		if err := d.plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	_ = os.RemoveAll(d.dir)
}

func (d *demo) startCluster(ctx context.Context) (err error) {
	say("(the first time, it is downloaded or compiled)")
	if d.plane, err = controlplane.Start(ctx); err != nil {
		return err
	}
	say("it listens on %s", d.plane.Config.Host)
	return nil
}

func (d *demo) openChannel(context.Context) (err error) {
	if d.channel, err = chat.Open(); err != nil {
		return err
	}
	if d.breaks == "channel" {
		d.channel.Refuse(http.StatusNotFound)
	}
	say("it is at %s", d.channel.URL)
	return nil
}

func (d *demo) apply(ctx context.Context) error {
	for _, namespace := range []string{systemNamespace, teamNamespace} {
		if err := d.kubectl(ctx, "create", "namespace", namespace); err != nil {
			return err
		}
	}
	secret := filepath.Join(d.dir, "chat.yaml")
	if err := os.WriteFile(secret, []byte(fmt.Sprintf(channelSecret, systemNamespace, d.channel.URL)), 0o600); err != nil {
		return err
	}
	manifests := filepath.Join(d.plane.Root, "test", "demo", "manifests")
	for _, file := range []string{filepath.Join(manifests, "defaults.yaml"), secret, filepath.Join(manifests, "token.yaml"), filepath.Join(manifests, "route.yaml")} {
		if err := d.kubectl(ctx, "apply", "-f", file); err != nil {
			return err
		}
	}
	return nil
}

// channelSecret is the credential of the account: the channel's URL, which is only known now.
const channelSecret = `apiVersion: v1
kind: Secret
metadata:
  name: chat
  namespace: %s
  labels:
    travishook.dev/secret-type: credential
stringData:
  url: %s
`

func (d *demo) startOperator(ctx context.Context) error {
	trusted := d.key
	if d.breaks == "key" {
		trusted = travistest.NewKey()
	}
	settings := filepath.Join(d.dir, "settings.yaml")
	text := fmt.Sprintf(settingsFile, d.dir, indent(travistest.PEM(trusted)))
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		return err
	}
	say("compiling it ...")
	binary, err := operator.Build(ctx, d.plane.Root)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.patience())
	defer cancel()
	d.operator, err = operator.Start(ctx, binary, "--settings", settings, "--kubeconfig", d.plane.Kubeconfig, "--namespace", systemNamespace)
	if err != nil {
		return err
	}
	say("it receives webhooks at %s", d.operator.URL)
	return nil
}

// settingsFile trusts the demo's signing key instead of Travis CI's.
const settingsFile = `apiVersion: settings.travishook.dev/v1alpha1
kind: Settings
receiver:
  address: 127.0.0.1:0
  linger: 0s
api:
  address: 127.0.0.1:0
probes:
  address: 127.0.0.1:0
metrics:
  address: 127.0.0.1:0
store:
  directory: %s/store
trust:
  keys:
  - name: demo
    pem: |
%s`

func indent(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ") + "\n"
}

func (d *demo) waitReady(ctx context.Context) error {
	err := d.kubectl(ctx, "wait", "travisroute/example", "--namespace", teamNamespace, "--for=condition=Ready", "--timeout="+d.patience().String())
	if err != nil {
		return err
	}
	err = d.kubectl(ctx, "get", "travisroutes", "--all-namespaces")
	if d.breaks == "operator" {
		d.operator.Kill()
	}
	return err
}

// finish stops the operator gracefully, so that no further message can arrive.
func (d *demo) finish(context.Context) error {
	if err := d.operator.Stop(); err != nil {
		return err
	}
	if got := d.channel.Messages(); len(got) != len(d.expected) {
		return fmt.Errorf("the channel got %d posts, want %d; the last: %s", len(got), len(d.expected), got[len(got)-1].Text)
	}
	say("it stopped; the channel got %d posts, which made %d messages", len(d.expected), len(d.channel.Shown()))
	return nil
}

// kubectl prints a command, runs it, and prints its output.
func (d *demo) kubectl(ctx context.Context, args ...string) error {
	shown := strings.ReplaceAll(strings.Join(args, " "), d.plane.Root+"/", "")
	say("$ kubectl %s", shown)
	cmd := exec.CommandContext(ctx, d.plane.Kubectl, append([]string{"--kubeconfig", d.plane.Kubeconfig}, args...)...)
	out, err := cmd.CombinedOutput()
	sayLines(string(out))
	if err != nil {
		return fmt.Errorf("kubectl %s: %w", shown, err)
	}
	return nil
}

func say(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }
