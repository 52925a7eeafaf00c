// Package suite starts and calls what the Ginkgo suites on an API server share. Each start ends with the
// node that calls it, and each failure fails the spec.
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/operator"
)

// StartControlPlane starts an API server.
func StartControlPlane(ctx context.Context, options ...controlplane.Option) *controlplane.ControlPlane {
	GinkgoHelper()
	plane, err := controlplane.Start(ctx, options...)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() error { return plane.Stop() })
	return plane
}

// AddThirdPartyCRDs lets the API server check objects of the Gateway API, cert-manager, the Prometheus operator
// and Flux.
func AddThirdPartyCRDs(ctx context.Context, plane *controlplane.ControlPlane) {
	GinkgoHelper()
	script := exec.CommandContext(ctx, filepath.Join(plane.Root, "hack", "third-party-crds.sh"))
	script.Stderr = GinkgoWriter
	folder, err := script.Output()
	Expect(err).NotTo(HaveOccurred())
	_, err = envtest.InstallCRDs(plane.Config, envtest.CRDInstallOptions{
		Paths: []string{strings.TrimSpace(string(folder))}, ErrorIfPathMissing: true,
	})
	Expect(err).NotTo(HaveOccurred())
}

// AddStorageClass adds a default StorageClass, without which the chart refuses to install.
func AddStorageClass(ctx context.Context, plane *controlplane.ControlPlane) {
	GinkgoHelper()
	Kubectl(ctx, plane, `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: example.com/none
`, "apply", "-f", "-")
}

// BuildOperator compiles the operator and returns the path of its binary.
func BuildOperator(ctx context.Context, plane *controlplane.ControlPlane) string {
	GinkgoHelper()
	binary, err := operator.Build(ctx, plane.Root)
	Expect(err).NotTo(HaveOccurred())
	return binary
}

// OpenChannel opens a chat channel.
func OpenChannel() *chat.Channel {
	GinkgoHelper()
	channel, err := chat.Open()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(channel.Close)
	return channel
}

// Metrics returns what the operator with this log shows to Prometheus. It is for polls: it returns an error as
// long as the operator does not serve metrics.
func Metrics(ctx context.Context, log string) (string, error) {
	address := regexp.MustCompile(`"name":"metrics","addr":"([^"]+)"`).FindStringSubmatch(log)
	if address == nil {
		return "", errors.New("the log does not say where metrics are served")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address[1]+"/metrics", http.NoBody)
	if err != nil {
		return "", fmt.Errorf("get metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("get metrics: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
