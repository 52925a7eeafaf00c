package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/client-go/rest"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/client"
)

// Environment variables that replace --operator and --operator-ca.
const (
	envOperator   = "TRAVISHOOK_OPERATOR"
	envOperatorCA = "TRAVISHOOK_OPERATOR_CA"
)

// operatorFlags say how a command reaches the operator's API, which serves what is in the store and
// in no object.
type operatorFlags struct {
	env     *environment
	service string
	url     string
	ca      string
	output  string
	all     bool
}

func newOperatorFlags(e *environment, cmd *cobra.Command) *operatorFlags {
	o := &operatorFlags{env: e}
	flags := cmd.Flags()
	flags.StringVar(&o.service, "operator-service", "", "The Service of the operator's API. Default: found by its label.")
	flags.StringVar(&o.url, "operator", os.Getenv(envOperator), "The URL of the operator's API, to connect without the API server. Default: $"+envOperator+".")
	flags.StringVar(&o.ca, "operator-ca", os.Getenv(envOperatorCA), "A PEM file with the certificate authorities for --operator. Default: $"+envOperatorCA+
		", else the system's.")
	for _, name := range []string{"operator", "operator-ca"} {
		flags.Lookup(name).DefValue = "" // the help must not depend on the environment
	}
	flags.StringVarP(&o.output, "output", "o", "", "Output format: wide, json or yaml.")
	completeOutput(cmd, operatorOutputs...)
	return o
}

var operatorOutputs = []string{"", "wide", "json", "yaml"}

// allNamespaces adds the flag -A.
func (o *operatorFlags) allNamespaces(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "Include all namespaces that you may read.")
}

func (o *operatorFlags) structured() bool { return o.output == "json" || o.output == "yaml" }

// connect returns the client, and the namespace to ask about: empty for all.
func (o *operatorFlags) connect(ctx context.Context) (*client.Client, string, error) {
	if !slices.Contains(operatorOutputs, o.output) {
		return nil, "", usage("--output must be wide, json or yaml, not %q", o.output)
	}
	namespace, err := o.env.namespace()
	if err != nil {
		return nil, "", err
	}
	if o.all {
		namespace = ""
	}
	config, err := o.env.cluster.ToRESTConfig()
	if err != nil {
		return nil, "", err
	}
	if o.url == "" {
		c, err := client.ThroughCluster(config, o.findService(ctx, config))
		return c, namespace, err
	}
	var ca []byte
	if o.ca != "" {
		if ca, err = os.ReadFile(o.ca); err != nil {
			return nil, "", err
		}
	}
	c, err := client.Direct(config, o.url, ca)
	return c, namespace, err
}

// defaultService is the Service of a release with the default name.
const defaultService = "travishook-api"

// findService finds the Service by its label, whatever the release is called. Callers who may not
// list Services get the default name.
func (o *operatorFlags) findService(ctx context.Context, config *rest.Config) client.Service {
	service := client.Service{Namespace: o.env.operatorNamespace, Name: o.service, Port: "api"}
	if service.Name != "" {
		return service
	}
	service.Name = defaultService
	c, err := ctrlclient.New(config, ctrlclient.Options{Scheme: scheme})
	if err != nil {
		return service
	}
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	label := ctrlclient.MatchingLabels{deliveryapi.LabelService: deliveryapi.LabelServiceValue}
	for _, namespace := range []string{service.Namespace, ""} { // releases may be in another namespace
		var list corev1.ServiceList
		if c.List(ctx, &list, ctrlclient.InNamespace(namespace), label) == nil && len(list.Items) > 0 {
			service.Namespace, service.Name = list.Items[0].Namespace, list.Items[0].Name
			return service
		}
	}
	return service
}

// findTimeout bounds the search for the Service.
const findTimeout = 10 * time.Second

// explain distinguishes an operator that does not answer from a cluster that does not.
func (o *operatorFlags) explain(err error) error {
	var unreachable *net.OpError
	if o.url != "" && errors.As(err, &unreachable) {
		return fmt.Errorf("cannot connect to the operator at %s: %w; check that it runs and that this is its API", o.url, unreachable.Err)
	}
	return err
}

// shortID is the length of a delivery ID as it is shown and typed.
const shortID = 10

func short(id string) string { return id[:min(len(id), shortID)] }

// since returns how long ago t was, empty if t is zero.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(time.Since(t))
}

// due returns when the next attempt is made.
func due(d *deliveryapi.Delivery) string {
	switch {
	case d.Due.IsZero():
		return ""
	case d.Due.Before(time.Now()):
		return "now"
	}
	return "in " + duration.HumanDuration(time.Until(d.Due))
}
