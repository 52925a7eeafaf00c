package suite

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/controlplane"
)

// patience limits how long a busy API server may refuse what it would accept later.
const patience = 90 * time.Second

// Kubectl runs kubectl as the administrator and returns what it prints on both outputs. It may be polled: only
// what a repetition cannot change fails the spec.
func Kubectl(ctx context.Context, plane *controlplane.ControlPlane, stdin string, args ...string) string {
	GinkgoHelper()
	out, err := TryKubectl(ctx, plane, plane.Kubeconfig, stdin, args...)
	Expect(err).NotTo(HaveOccurred(), "kubectl %s: %s", strings.Join(args, " "), out)
	return out
}

// TryKubectl runs kubectl with a kubeconfig and returns what it prints on both outputs. It repeats a command that
// failed because the API server was busy, or because somebody else wrote the same object meanwhile.
func TryKubectl(ctx context.Context, plane *controlplane.ControlPlane, kubeconfig, stdin string, args ...string) (out string, err error) {
	GinkgoHelper()
	repeated := false
	Eventually(func() bool {
		out, err = plane.RunKubectl(ctx, kubeconfig, stdin, args...)
		if err != nil && repeated && args[0] == "create" && strings.Contains(out, "(AlreadyExists)") {
			err = nil // the first try created it, and its answer was lost
		}
		repeated = true
		return err != nil && passing(out)
	}).WithContext(ctx).WithTimeout(patience).WithPolling(time.Second/2).Should(BeFalse(), func() string {
		return errors.Join(err, errors.New(out)).Error()
	})
	return out, err
}

// passing reports whether kubectl failed for a reason that passes.
func passing(out string) bool {
	return slices.ContainsFunc([]string{
		"the object has been modified",
		"etcdserver: ",
		"connection refused",
		"connection reset by peer",
		"client connection lost",
		"TLS handshake timeout",
		"i/o timeout",
		"unexpected EOF",
		"(ServiceUnavailable)",
		"(Timeout)",
		"(TooManyRequests)",
		"(ServerTimeout)",
	}, func(reason string) bool { return strings.Contains(out, reason) })
}
