package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/internal/travis"
)

// completionScript is what kubectl runs to complete a plugin's arguments.
const completionScript = `#!/bin/sh
# Save this as kubectl_complete-travis in a folder of your PATH and make it executable:
#   kubectl travis completion > ~/.local/bin/kubectl_complete-travis
#   chmod +x ~/.local/bin/kubectl_complete-travis
exec kubectl travis __complete "$@"
`

func newCompletion(e *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "completion",
		Short: "Print the script that kubectl uses to complete this plugin's arguments",
		Example: `  # Complete namespaces, repositories and events in every shell that completes kubectl
  kubectl travis completion > ~/.local/bin/kubectl_complete-travis
  chmod +x ~/.local/bin/kubectl_complete-travis`,
		Args: arguments(0, 0, "completion"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(e.Out, completionScript)
			return err
		},
	}
}

// completer returns the possible next words.
type completer = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// fromCluster completes with what list reads, and with nothing on an error.
func fromCluster(e *environment, list func(cmd *cobra.Command, c client.Client, namespace string, args []string) ([]string, error)) completer {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, namespace, err := e.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		words, err := list(cmd, c, namespace, args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		slices.Sort(words)
		return slices.Compact(words), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeNamespaces completes flags that take a namespace.
func completeNamespaces(e *environment, cmd *cobra.Command, flags ...string) {
	complete := fromCluster(e, func(cmd *cobra.Command, c client.Client, _ string, _ []string) ([]string, error) {
		var list corev1.NamespaceList
		err := c.List(cmd.Context(), &list)
		var names []string
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
		return names, err
	})
	for _, flag := range flags {
		must(cmd.RegisterFlagCompletionFunc(flag, complete))
	}
}

// completeContexts completes --context from the kubeconfig.
func completeContexts(e *environment) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		config, err := e.cluster.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return slices.Sorted(maps.Keys(config.Contexts)), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeAccounts completes --account with the accounts that the namespace can use.
func completeAccounts(e *environment, cmd *cobra.Command) {
	must(cmd.RegisterFlagCompletionFunc("account", completeAccountNames(e)))
}

func completeAccountNames(e *environment) completer {
	return fromCluster(e, func(cmd *cobra.Command, c client.Client, namespace string, _ []string) ([]string, error) {
		s, err := e.snapshot(cmd.Context(), c, namespace)
		if err != nil {
			return nil, err
		}
		accounts, _ := s.accounts()
		var names []string
		for _, a := range accounts {
			names = append(names, a.Name)
		}
		return names, nil
	})
}

// completeRoute completes a repository, then one of its channels, then events.
func completeRoute(e *environment) completer {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 1 {
			return travis.EventWords, cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) == 0 {
			return completeRepositories(e)(cmd, args, begun)
		}
		return fromCluster(e, func(cmd *cobra.Command, c client.Client, namespace string, args []string) ([]string, error) {
			routes, err := listRoutes(cmd.Context(), c, namespace)
			var words []string
			for _, r := range ofRepository(routes, args[0]) {
				for _, channel := range r.Spec.Channels {
					words = append(words, channel.Address)
				}
			}
			return words, err
		})(cmd, args, begun)
	}
}

func completeRepositories(e *environment) completer {
	return fromCluster(e, func(cmd *cobra.Command, c client.Client, namespace string, _ []string) ([]string, error) {
		routes, err := listRoutes(cmd.Context(), c, namespace)
		return repositories(routes), err
	})
}

func completeRouteNames(e *environment) completer {
	return fromCluster(e, func(cmd *cobra.Command, c client.Client, namespace string, _ []string) ([]string, error) {
		routes, err := listRoutes(cmd.Context(), c, namespace)
		return routeNames(routes), err
	})
}

func completeEvents(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return travis.EventWords, cobra.ShellCompDirectiveNoFileComp
}

func completeOutput(cmd *cobra.Command, formats ...string) {
	formats = slices.DeleteFunc(formats, func(s string) bool { return strings.TrimSpace(s) == "" })
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)))
}
