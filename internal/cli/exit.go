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
	ExitError = 1 // also of lint, where it found something
	ExitUsage = 2
)

// usageError is a command line that makes no sense.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errSilent ends the program with ExitError where all that is to be said has been said.
var errSilent = errors.New("")

func exitCode(err error) int {
	var u *usageError
	if errors.As(err, &u) || genericclioptions.IsNoCompatiblePrinterError(err) {
		return ExitUsage
	}
	return ExitError
}

// sentence says on one line what went wrong and, where that can be known, what to do about it.
func sentence(err error) string {
	var unreachable *net.OpError
	var noKind *meta.NoKindMatchError
	var noResource *meta.NoResourceMatchError
	var address *url.Error
	switch {
	case clientcmd.IsEmptyConfig(err):
		return "there is no cluster to talk to: set KUBECONFIG, or name a file with --kubeconfig"
	case errors.As(err, &noKind), errors.As(err, &noResource):
		return "the cluster does not know travishook's kinds: install the operator first, or apply its CRDs"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &unreachable) && errors.As(err, &address) && hostOf(address.URL) == noConfigHost:
		return "there is no cluster to talk to: set KUBECONFIG, or name a file with --kubeconfig"
	case errors.As(err, &unreachable) && errors.As(err, &address):
		return fmt.Sprintf("the cluster does not answer at %s: %v; is it up, and is this the right --context?", hostOf(address.URL), unreachable.Err)
	case apierrors.IsUnauthorized(err):
		return "the cluster does not accept who you are: log in again, or choose another --context"
	case apierrors.IsForbidden(err):
		return "you may not do that: " + oneLine(err.Error())
	case apierrors.IsConflict(err):
		return "somebody else changed it at the same moment: run the command again"
	}
	return oneLine(err.Error())
}

// noConfigHost is where the client looks for a cluster when nothing says where one is.
const noConfigHost = "localhost:8080"

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return "its address"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
