package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
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
		Short:   "Show everything in effect: defaults, accounts, tokens and routes",
		Long: `Show everything in effect: defaults, accounts, tokens and routes.

Tokens are shown as the names of their Secrets, and themselves with --show-secrets, for which one
needs the right to read Secrets.`,
		Example: `  # Everything in this namespace
  kubectl travis config

  # Everything in all namespaces, as JSON
  kubectl travis config -A -o json`,
		Args: arguments(0, 0, "config"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "yaml" && output != "json" {
				return usage("--output is yaml or json, and not %q", output)
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
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "Show all namespaces that have routes or defaults.")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"yaml", "json"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// namespaceConfig is everything in effect in a namespace.
type namespaceConfig struct {
	Namespace      string                       `json:"namespace"`
	DefaultEvents  []v1alpha1.EventName         `json:"defaultEvents"`
	EventsFrom     string                       `json:"defaultEventsAre"`
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
	Rooms     []string             `json:"rooms"`
	Events    []v1alpha1.EventName `json:"events"`
	Follows   bool                 `json:"followsDefaults,omitempty"`
	Suspended bool                 `json:"suspended,omitempty"`
	Filter    string               `json:"filter,omitempty"`
	Branches  *v1alpha1.Branches   `json:"branches,omitempty"`
	Types     []v1alpha1.BuildType `json:"buildTypes,omitempty"`
	Ready     string               `json:"ready,omitempty"`
	Message   string               `json:"message,omitempty"`
}

// config gathers everything of one namespace, or of all that have something.
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
		namespaces = nil
		for i := range routes {
			namespaces = append(namespaces, routes[i].Namespace)
		}
		namespaces = slices.Compact(namespaces)
	}
	found := []*namespaceConfig{}
	for _, namespace := range namespaces {
		s, err := e.look(ctx, c, namespace)
		if err != nil {
			return nil, err
		}
		if show && s.tokensHidden {
			return nil, apierrors.NewForbidden(v1alpha1.GroupVersion.WithResource("secrets").GroupResource(), namespace, fmt.Errorf("--show-secrets needs the right to list Secrets"))
		}
		of := slices.DeleteFunc(slices.Clone(routes), func(r v1alpha1.TravisRoute) bool { return r.Namespace != namespace })
		found = append(found, describe(s, namespace, of, show))
	}
	return found, nil
}

func describe(s *scene, namespace string, routes []v1alpha1.TravisRoute, show bool) *namespaceConfig {
	n := &namespaceConfig{Namespace: namespace, Repositories: map[string]*repositoryConfig{}}
	if events, from, err := s.defaultEvents(); err == nil {
		n.DefaultEvents, n.EventsFrom = events, from
	} else {
		n.EventsFrom = "hidden from you"
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
			t.Token = strings.TrimSuffix(string(s.tokens[i].Data["token"]), "\n")
		}
		repository := of(strings.TrimSuffix(string(s.tokens[i].Data["repository"]), "\n"))
		repository.Tokens = append(repository.Tokens, t)
	}
	return n
}

func (s *scene) describeRoute(r *v1alpha1.TravisRoute) routeConfig {
	state := ready(r.Status.Conditions)
	d := routeConfig{
		Name: r.Name, Events: r.Spec.Events, Follows: len(r.Spec.Events) == 0, Suspended: r.Spec.Suspend, Filter: r.Spec.Filter,
		Branches: r.Spec.Branches, Types: r.Spec.BuildTypes, Ready: string(state.Status),
	}
	for _, channel := range r.Spec.Channels {
		d.Rooms = append(d.Rooms, showChannel(channel))
	}
	if d.Follows {
		verdict := s.judge(r)
		d.Events = verdict.Events.Names()
	}
	if state.Status != "True" {
		d.Message = state.Message
	}
	return d
}

// accounts are those that the namespace can speak as, as the API has them, its own first.
func (s *scene) accounts() (accounts []accountConfig, byDefault string) {
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

// serviceOf is the name of the account's block.
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

// dump writes v as YAML or JSON.
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
