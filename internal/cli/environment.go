package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// manager is the field manager of everything that the plugin writes.
const manager = "kubectl-travis"

// scheme has the kinds that the plugin reads and writes.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(v1alpha1.AddToScheme(s))
	utilruntime.Must(corev1.AddToScheme(s))
	return s
}()

// environment is shared by all commands: streams, kubeconfig flags, the operator's namespace.
type environment struct {
	genericiooptions.IOStreams
	cluster           *genericclioptions.ConfigFlags
	operatorNamespace string
	output            *checkedWriter // behind Out
}

func newEnvironment(streams genericiooptions.IOStreams) *environment {
	out := &checkedWriter{to: streams.Out}
	streams.Out = out
	return &environment{IOStreams: streams, cluster: genericclioptions.NewConfigFlags(true), output: out}
}

// checkedWriter remembers the first error, so that no command succeeds whose output was lost, and
// commands need not check each line that they print.
type checkedWriter struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (w *checkedWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.to.Write(p)
	if err != nil {
		w.err = fmt.Errorf("cannot write the output: %w", err)
		return n, w.err
	}
	return n, nil
}

// outputError adds the error of standard output to the command's error, once.
func (e *environment) outputError(err error) error {
	if e.output.err == nil || errors.Is(err, e.output.err) {
		return err
	}
	return e.output.err
}

func (e *environment) addFlags(root *cobra.Command) {
	e.cluster.AddFlags(root.PersistentFlags())
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { // kubectl options explains the others
		f.Hidden = !slices.Contains([]string{"namespace", "context", "kubeconfig"}, f.Name)
	})
	root.PersistentFlags().StringVar(&e.operatorNamespace, "operator-namespace", "travishook-system",
		"The operator's namespace. Its TravisDefaults applies to the whole cluster.")
	completeNamespaces(e, root, "namespace", "operator-namespace")
	must(root.RegisterFlagCompletionFunc("context", completeContexts(e)))
}

// client returns a client with the caller's identity.
func (e *environment) client() (client.Client, error) {
	config, err := e.cluster.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return client.WithFieldOwner(c, manager), nil
}

// namespace returns the namespace of --namespace, else of the kubeconfig's context.
func (e *environment) namespace() (string, error) {
	namespace, _, err := e.cluster.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// connect returns a client and the namespace.
func (e *environment) connect() (client.Client, string, error) {
	namespace, err := e.namespace()
	if err != nil {
		return nil, "", err
	}
	c, err := e.client()
	return c, namespace, err
}

// note prints a line on the standard error.
func (e *environment) note(format string, args ...any) {
	fmt.Fprintln(e.ErrOut, printable(fmt.Sprintf(format, args...)))
}
