package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/travis"
)

// completionScript is what kubectl calls to complete a plugin's arguments.
const completionScript = `#!/bin/sh
# Save this as kubectl_complete-travis in a folder of your PATH and make it executable:
#   kubectl travis completion > ~/.local/bin/kubectl_complete-travis
#   chmod +x ~/.local/bin/kubectl_complete-travis
exec kubectl travis __complete "$@"
`

func newCompletion(e *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "completion",
		Short: "Print the script with which kubectl completes this plugin's arguments",
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

// completer proposes what may come next.
type completer = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective)

// completeNamespaces completes the values of flags that name a namespace.
func completeNamespaces(e *environment, cmd *cobra.Command, flags ...string) {
	complete := func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := e.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var list corev1.NamespaceList
		if c.List(cmd.Context(), &list) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	for _, flag := range flags {
		if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // the flag is not there: a mistake of the program
		}
	}
}

// completeRoute completes a repository, then a room of it, then events.
func completeRoute(e *environment) completer {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 1 {
			return travis.EventWords, cobra.ShellCompDirectiveNoFileComp
		}
		var words []string
		for _, r := range completionRoutes(e, cmd) {
			if len(args) == 0 {
				words = append(words, r.Spec.Repository)
				continue
			}
			for _, channel := range r.Spec.Channels {
				if strings.EqualFold(r.Spec.Repository, args[0]) {
					words = append(words, channel.Address)
				}
			}
		}
		slices.Sort(words)
		return slices.Compact(words), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeRouteNames completes the name of a route.
func completeRouteNames(e *environment) completer {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, r := range completionRoutes(e, cmd) {
			names = append(names, r.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func completeEvents(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return travis.EventWords, cobra.ShellCompDirectiveNoFileComp
}

// completionRoutes are the namespace's routes, none where something is in the way.
func completionRoutes(e *environment, cmd *cobra.Command) []v1alpha1.TravisRoute {
	c, namespace, err := e.connect()
	if err != nil {
		return nil
	}
	var list v1alpha1.TravisRouteList
	if c.List(cmd.Context(), &list, client.InNamespace(namespace)) != nil {
		return nil
	}
	return list.Items
}
