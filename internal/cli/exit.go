package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/tools/clientcmd"
)

// The exit codes.
const (
	ExitOK    = 0
	ExitError = 1 // also of lint, when it finds an error
	ExitUsage = 2
)

// usageError is a mistake in the command line.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errReported ends the program with ExitError when everything has been printed already.
var errReported = errors.New("")

func exitCode(err error) int {
	var u *usageError
	if errors.As(err, &u) || genericclioptions.IsNoCompatiblePrinterError(err) {
		return ExitUsage
	}
	return ExitError
}

const noCluster = "no cluster is configured: set KUBECONFIG or use --kubeconfig"

// errorLine describes err in one line, with what to do where that is known.
func errorLine(err error) string {
	var unreachable *net.OpError
	var noKind *meta.NoKindMatchError
	var noResource *meta.NoResourceMatchError
	var address *url.Error
	switch {
	case clientcmd.IsEmptyConfig(err):
		return noCluster
	case errors.As(err, &noKind), errors.As(err, &noResource):
		return "the cluster does not have travishook's CRDs: install the operator first"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &unreachable) && errors.As(err, &address) && hostOf(address.URL) == noConfigHost:
		return noCluster
	case errors.As(err, &unreachable) && errors.As(err, &address):
		return fmt.Sprintf("cannot connect to the cluster at %s: %v; check that it runs, and --context", hostOf(address.URL), unreachable.Err)
	case apierrors.IsUnauthorized(err):
		return "the cluster rejects your credentials: log in again, or use another --context"
	case apierrors.IsForbidden(err):
		return "forbidden: " + oneLine(err.Error())
	case apierrors.IsConflict(err):
		return "the object was changed at the same time: run the command again"
	}
	return oneLine(err.Error())
}

// discoveryError begins the client's error when the API server does not list its groups to the caller. The client
// drops what the API server said.
const discoveryError = "failed to get server groups"

// explainForbidden names the right that is missing when the API server lists nothing to the caller.
func (e *environment) explainForbidden(err error) error {
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), discoveryError) {
		return err
	}
	if as := *e.cluster.Impersonate; as != "" {
		return fmt.Errorf("forbidden: you may not use --as %s: ask the cluster's administrator for the verb impersonate on users, "+
			"and on groups for --as-group", as)
	}
	return errors.New("forbidden: you may not list the cluster's API groups: ask the cluster's administrator to bind you to the ClusterRole system:discovery")
}

// noConfigHost is the client's default when no kubeconfig names a cluster.
const noConfigHost = "localhost:8080"

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return "its address"
}

func oneLine(s string) string { return printable(strings.Join(strings.Fields(s), " ")) }
