package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/client"
)

// What the environment may say in place of --operator and --operator-ca.
const (
	envOperator   = "TRAVISHOOK_OPERATOR"
	envOperatorCA = "TRAVISHOOK_OPERATOR_CA"
)

// asker is how a verb asks the operator itself: for what is in its store, and in no object.
type asker struct {
	env     *environment
	service string
	url     string
	ca      string
	output  string
	all     bool
}

func newAsker(e *environment, cmd *cobra.Command) *asker {
	a := &asker{env: e}
	flags := cmd.Flags()
	flags.StringVar(&a.service, "operator-service", "travishook-api", "The operator's Service in its namespace, reached through the API server.")
	flags.StringVar(&a.url, "operator", os.Getenv(envOperator), "The URL of the operator's API, to reach it directly. Left out: "+envOperator+" of the environment.")
	flags.StringVar(&a.ca, "operator-ca", os.Getenv(envOperatorCA), "A file with the certificates that vouch for --operator, as PEM. Left out: "+envOperatorCA+
		" of the environment, else those that the system trusts.")
	for _, name := range []string{"operator", "operator-ca"} {
		flags.Lookup(name).DefValue = "" // the help is the same for everybody
	}
	flags.StringVarP(&a.output, "output", "o", "", "Output format: wide, json or yaml.")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(askerOutputs[1:], cobra.ShellCompDirectiveNoFileComp)))
	return a
}

var askerOutputs = []string{"", "wide", "json", "yaml"}

// allNamespaces lets the verb ask about all namespaces that the caller may read.
func (a *asker) allNamespaces(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&a.all, "all-namespaces", "A", false, "Ask about all namespaces that you may read.")
}

func (a *asker) structured() bool { return a.output == "json" || a.output == "yaml" }

// connect returns the client, and the namespace to ask about: empty for all.
func (a *asker) connect() (*client.Client, string, error) {
	if !slices.Contains(askerOutputs, a.output) {
		return nil, "", usage("--output is wide, json or yaml, and not %q", a.output)
	}
	namespace, err := a.env.namespace()
	if err != nil {
		return nil, "", err
	}
	if a.all {
		namespace = ""
	}
	config, err := a.env.cluster.ToRESTConfig()
	if err != nil {
		return nil, "", err
	}
	if a.url == "" {
		c, err := client.ThroughCluster(config, client.Service{Namespace: a.env.operatorNamespace, Name: a.service, Port: "api"})
		return c, namespace, err
	}
	var ca []byte
	if a.ca != "" {
		if ca, err = os.ReadFile(a.ca); err != nil {
			return nil, "", err
		}
	}
	c, err := client.Direct(config, a.url, ca)
	return c, namespace, err
}

// explain says of an error whether it was the operator that did not answer, and not the cluster.
func (a *asker) explain(err error) error {
	var unreachable *net.OpError
	if a.url != "" && errors.As(err, &unreachable) {
		return fmt.Errorf("the operator does not answer at %s: %w; is it running, and is this its API?", a.url, unreachable.Err)
	}
	return err
}

// shortID is what people read and type of a delivery's ID.
const shortID = 10

func short(id string) string { return id[:min(len(id), shortID)] }

func showRoom(account, address string) string { return strings.Trim(account+":"+address, ":") }

// since is how long ago a moment was, empty where there was none.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(time.Since(t))
}

// due is when the next attempt comes.
func due(d *deliveryapi.Delivery) string {
	switch {
	case d.Due.IsZero():
		return ""
	case d.Due.Before(time.Now()):
		return "now"
	}
	return "in " + duration.HumanDuration(time.Until(d.Due))
}
