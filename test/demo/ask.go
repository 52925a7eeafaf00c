package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/travishook/travishook/test/operator"
)

// setUpPlugin gives kubectl its plugin, and the plugin the operator's address: an API server does not proxy to
// loopback, where this operator listens.
func (d *demo) setUpPlugin(ctx context.Context) error {
	bin := filepath.Join(d.dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return fmt.Errorf("make a folder for kubectl: %w", err)
	}
	if err := os.Symlink(d.plane.Kubectl, filepath.Join(bin, "kubectl")); err != nil {
		return fmt.Errorf("link kubectl: %w", err)
	}
	say("compiling kubectl travis ...")
	if err := operator.InstallPlugin(ctx, d.plane.Root, bin); err != nil {
		return err
	}
	certificate := filepath.Join(d.dir, "api.crt")
	url, err := d.operator.API(ctx, certificate)
	if err != nil {
		return err
	}
	d.env = []string{
		"KUBECONFIG=" + d.plane.Kubeconfig,
		"TRAVISHOOK_OPERATOR=" + url,
		"TRAVISHOOK_OPERATOR_CA=" + certificate,
		"PATH=" + bin + ":" + os.Getenv("PATH"),
	}
	return nil
}

// ask shows what kubectl travis why says.
func (d *demo) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.patience())
	defer cancel()
	if err := d.setUpPlugin(ctx); err != nil {
		return err
	}
	const command = "kubectl travis why example/example 2 -n " + teamNamespace
	say("$ %s", command)
	for {
		out, err := d.shell(ctx, command)
		if err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, out)
		}
		// The outcome is stored a moment after the message has arrived.
		if strings.Contains(out, "build 2 (fixed): delivered to") && strings.Contains(out, "403") {
			sayLines(out)
			return nil
		}
		select {
		case <-ctx.Done():
			sayLines(out)
			return fmt.Errorf("kubectl travis why does not say that build 2 was delivered")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// shell runs a command with kubectl and its plugin, as in the terminal of somebody who looks around.
func (d *demo) shell(ctx context.Context, command string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Env = append(os.Environ(), d.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func sayLines(text string) {
	for line := range strings.Lines(text) {
		say("  %s", strings.TrimRight(line, "\n"))
	}
}
