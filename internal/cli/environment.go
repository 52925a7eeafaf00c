package cli

import (
	"fmt"
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

// manager is the name under which the API server notes what the plugin has set.
const manager = "kubectl-travis"

// scheme has the kinds that the plugin reads and writes.
var scheme = func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(v1alpha1.AddToScheme(s))
	utilruntime.Must(corev1.AddToScheme(s))
	return s
}()

// environment is what every verb is run in.
type environment struct {
	genericiooptions.IOStreams
	cluster           *genericclioptions.ConfigFlags
	operatorNamespace string
}

func newEnvironment(streams genericiooptions.IOStreams) *environment {
	return &environment{IOStreams: streams, cluster: genericclioptions.NewConfigFlags(true)}
}

func (e *environment) addFlags(root *cobra.Command) {
	e.cluster.AddFlags(root.PersistentFlags())
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { // kubectl's own help explains the rest
		f.Hidden = !slices.Contains([]string{"namespace", "context", "kubeconfig"}, f.Name)
	})
	root.PersistentFlags().StringVar(&e.operatorNamespace, "operator-namespace", "travishook-system",
		"The namespace that the operator runs in, whose TravisDefaults serves the whole cluster.")
	completeNamespaces(e, root, "namespace", "operator-namespace")
}

// client talks to the cluster as the caller.
func (e *environment) client() (client.Client, error) {
	config, err := e.cluster.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("talk to the cluster: %w", err)
	}
	return client.WithFieldOwner(c, manager), nil
}

// namespace is the one of --namespace, else that of the context.
func (e *environment) namespace() (string, error) {
	namespace, _, err := e.cluster.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// connect is client and namespace in one.
func (e *environment) connect() (client.Client, string, error) {
	namespace, err := e.namespace()
	if err != nil {
		return nil, "", err
	}
	c, err := e.client()
	return c, namespace, err
}

// note tells people something beside the output proper.
func (e *environment) note(format string, args ...any) {
	fmt.Fprintf(e.ErrOut, format+"\n", args...)
}
