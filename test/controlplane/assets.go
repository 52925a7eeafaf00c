package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// assets is the folder that holds kube-apiserver, etcd and kubectl.
func assets(ctx context.Context, root string) (string, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return dir, nil
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "hack", "control-plane.sh"))
	cmd.Stderr = os.Stderr // shows the progress of a long build
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("get API server and etcd: hack/control-plane.sh: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// moduleRoot finds the module's root above the working directory, because tests run in their package's
// folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find module root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find module root: no go.mod in the working folder or above it")
		}
		dir = parent
	}
}
