package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/api/v1alpha1"
)

func newConfig(e *environment) *cobra.Command {
	var output string
	var show, all bool
	cmd := &cobra.Command{
		Use:     "config",
		GroupID: groupRoutes,
		Short:   "Show the effective configuration: defaults, accounts, tokens and routes",
		Long: `Show the effective configuration: defaults, accounts, tokens and routes.

Tokens are shown as the names of their Secrets. --show-secrets shows the tokens themselves, and requires
permission to read Secrets.`,
		Example: `  # The configuration of this namespace
  kubectl travis config

  # The configuration of all namespaces, as JSON
  kubectl travis config -A -o json`,
		Args: arguments(0, 0, "config"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "yaml" && output != "json" {
				return usage("--output must be yaml or json, not %q", output)
			}
			c, namespace, err := e.connect()
			if err != nil {
				return err
			}
			found, err := e.config(cmd.Context(), c, namespace, all, show)
			if err != nil {
				return err
			}
			if !all {
				return e.dump(found[0], output)
			}
			return e.dump(found, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "yaml", "Output format: yaml or json.")
	cmd.Flags().BoolVar(&show, "show-secrets", false, "Show the tokens themselves.")
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "Show all namespaces with routes or defaults.")
	completeOutput(cmd, "yaml", "json")
	return cmd
}

// namespaceConfig is the effective configuration of a namespace.
type namespaceConfig struct {
	Namespace      string                       `json:"namespace"`
	DefaultEvents  []v1alpha1.EventName         `json:"defaultEvents"`
	EventsFrom     string                       `json:"defaultEventsFrom"`
	DefaultAccount string                       `json:"defaultAccount,omitempty"`
	Accounts       []accountConfig              `json:"accounts,omitempty"`
	Repositories   map[string]*repositoryConfig `json:"repositories"`
}

type accountConfig struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	From    string `json:"namespace"`
}

type repositoryConfig struct {
	Tokens []tokenConfig `json:"tokens,omitempty"`
	Routes []routeConfig `json:"routes,omitempty"`
}

type tokenConfig struct {
	Secret string `json:"secret"`
	Token  string `json:"token,omitempty"`
}

type routeConfig struct {
	Name      string               `json:"name"`
	Channels  []string             `json:"channels"`
	Events    []v1alpha1.EventName `json:"events"`
	Follows   bool                 `json:"followsDefaults,omitempty"`
	Suspended bool                 `json:"suspended,omitempty"`
	Filter    string               `json:"filter,omitempty"`
	Branches  *v1alpha1.Branches   `json:"branches,omitempty"`
	Types     []v1alpha1.BuildType `json:"buildTypes,omitempty"`
	Ready     string               `json:"ready,omitempty"`
	Message   string               `json:"message,omitempty"`
}

// config reads the configuration of one namespace, or of all that have any.
func (e *environment) config(ctx context.Context, c client.Client, namespace string, all, show bool) ([]*namespaceConfig, error) {
	namespaces := []string{namespace}
	if all {
		namespace = ""
	}
	routes, err := listRoutes(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	if all {
		if namespaces, err = configuredNamespaces(ctx, c, routes); err != nil {
			return nil, err
		}
	}
	found := []*namespaceConfig{}
	for _, namespace := range namespaces {
		s, err := e.snapshot(ctx, c, namespace)
		if err != nil {
			return nil, err
		}
		if show && s.tokensHidden {
			return nil, apierrors.NewForbidden(corev1.Resource("secrets"), namespace, errors.New("--show-secrets requires permission to list Secrets"))
		}
		of := slices.DeleteFunc(slices.Clone(routes), func(r v1alpha1.TravisRoute) bool { return r.Namespace != namespace })
		found = append(found, describe(s, namespace, of, show))
	}
	return found, nil
}

// configuredNamespaces returns the namespaces with routes or defaults.
func configuredNamespaces(ctx context.Context, c client.Client, routes []v1alpha1.TravisRoute) ([]string, error) {
	var namespaces []string
	for i := range routes {
		namespaces = append(namespaces, routes[i].Namespace)
	}
	var defaults v1alpha1.TravisDefaultsList
	if err := c.List(ctx, &defaults); err != nil {
		return nil, err
	}
	for i := range defaults.Items {
		namespaces = append(namespaces, defaults.Items[i].Namespace)
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces), nil
}

func describe(s *snapshot, namespace string, routes []v1alpha1.TravisRoute, show bool) *namespaceConfig {
	n := &namespaceConfig{Namespace: namespace, Repositories: map[string]*repositoryConfig{}}
	if events, from, err := s.defaultEvents(); err == nil {
		n.DefaultEvents, n.EventsFrom = events, from
	} else {
		n.EventsFrom = err.Error()
	}
	n.Accounts, n.DefaultAccount = s.accounts()
	spelled := map[string]string{}
	of := func(repository string) *repositoryConfig {
		key := strings.ToLower(repository)
		if spelled[key] == "" {
			spelled[key] = repository
			n.Repositories[repository] = &repositoryConfig{}
		}
		return n.Repositories[spelled[key]]
	}
	for i := range routes {
		repository := of(routes[i].Spec.Repository)
		repository.Routes = append(repository.Routes, s.describeRoute(&routes[i]))
	}
	for i := range s.tokens {
		t := tokenConfig{Secret: s.tokens[i].Name}
		if show {
			t.Token = tokenOf(&s.tokens[i])
		}
		repository := of(tokenRepository(&s.tokens[i]))
		repository.Tokens = append(repository.Tokens, t)
	}
	return n
}

func (s *snapshot) describeRoute(r *v1alpha1.TravisRoute) routeConfig {
	state := ready(r.Status.Conditions)
	d := routeConfig{
		Name: r.Name, Events: r.Spec.Events, Follows: len(r.Spec.Events) == 0, Suspended: r.Spec.Suspend, Filter: r.Spec.Filter,
		Branches: r.Spec.Branches, Types: r.Spec.BuildTypes, Ready: string(state.Status),
	}
	for _, channel := range r.Spec.Channels {
		d.Channels = append(d.Channels, showChannel(channel))
	}
	if d.Follows {
		verdict := s.compile(r)
		d.Events = verdict.Events.Names()
	}
	if state.Status != "True" {
		d.Message = state.Message
	}
	return d
}

// accounts returns the accounts that the namespace can use, its own first, and the default account.
func (s *snapshot) accounts() (accounts []accountConfig, byDefault string) {
	for _, d := range []*v1alpha1.TravisDefaults{s.own, s.cluster} {
		if d == nil || d == s.cluster && s.own != nil && s.own.Namespace == s.cluster.Namespace {
			continue
		}
		for i := range d.Spec.Accounts {
			a := &d.Spec.Accounts[i]
			if !slices.ContainsFunc(accounts, func(o accountConfig) bool { return o.Name == a.Name }) {
				accounts = append(accounts, accountConfig{Name: a.Name, Service: serviceOf(a), From: d.Namespace})
			}
		}
		switch {
		case byDefault != "":
		case d.Spec.Account != "":
			byDefault = d.Spec.Account
		case len(d.Spec.Accounts) == 1:
			byDefault = d.Spec.Accounts[0].Name
		}
	}
	return accounts, byDefault
}

// serviceOf returns the name of the account's service block.
func serviceOf(a *v1alpha1.Account) string {
	raw, err := json.Marshal(a)
	if err != nil {
		return ""
	}
	var blocks map[string]json.RawMessage
	if json.Unmarshal(raw, &blocks) != nil {
		return ""
	}
	for _, name := range serviceNames() {
		if _, ok := blocks[name]; ok {
			return name
		}
	}
	return ""
}

// dump prints v as YAML or JSON.
func (e *environment) dump(v any, format string) error {
	text, err := yaml.Marshal(v)
	if format == "json" {
		text, err = json.MarshalIndent(v, "", "  ")
		text = append(text, '\n')
	}
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	_, err = e.Out.Write(text)
	return err
}
