// Package helm runs the pinned Helm on the project's chart, for the suites.
package helm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Helm is the program, with a home directory of its own.
type Helm struct {
	binary string
	home   string
	chart  string
}

// New finds Helm in TRAVISHOOK_HELM, else by hack/tool.sh, which compiles it the first time.
// It keeps its state below home. Root is the module's root folder.
func New(ctx context.Context, root, home string) (*Helm, error) {
	h := &Helm{binary: os.Getenv("TRAVISHOOK_HELM"), home: home, chart: filepath.Join(root, "charts", "travishook")}
	if h.binary == "" {
		cmd := exec.CommandContext(ctx, filepath.Join(root, "hack", "tool.sh"), "helm")
		cmd.Stderr = os.Stderr // shows the progress of a long build
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("get helm: hack/tool.sh: %w", err)
		}
		h.binary = strings.TrimSpace(string(out))
	}
	return h, nil
}

// Chart is the path of the project's chart.
func (h *Helm) Chart() string { return h.chart }

// Run returns helm's output. The error contains helm's message.
func (h *Helm) Run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, h.binary, args...)
	cmd.Env = append(os.Environ(),
		"HELM_CACHE_HOME="+h.home, "HELM_CONFIG_HOME="+h.home, "HELM_DATA_HOME="+h.home)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("helm %s: %w\n%s", strings.Join(args, " "), err, words.String())
	}
	return out.String(), nil
}
