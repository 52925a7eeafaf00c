// Package cli is kubectl travis: TravisHook's verbs, for a cluster. Each verb has a file of its
// own; what it does to the cluster it does as the caller, with the caller's own rights.
package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Run runs one command line and returns its exit code, see the Exit constants. What went wrong
// is one sentence on the standard error.
func Run(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	root := NewCommand(streams)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	if message := sentence(err); message != "" {
		fmt.Fprintln(streams.ErrOut, "error: "+message)
	}
	return exitCode(err)
}

// NewCommand is the root of all verbs.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	e := newEnvironment(streams)
	root := &cobra.Command{
		Use:   "kubectl-travis",
		Short: "Relay Travis CI's build events to chat",
		Long: `Relay Travis CI's build events to chat.

The verbs are those of TravisHook, and they do with objects of the cluster what TravisHook did
with its own memory: a route is a TravisRoute, the defaults and accounts are a TravisDefaults,
a token is a Secret. So whatever is done here can be seen, and undone, with kubectl.`,
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl travis"},
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              noVerb,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%v", err) })
	e.addFlags(root)
	root.AddGroup(
		&cobra.Group{ID: groupRoutes, Title: "Routes and who vouches for them:"},
		&cobra.Group{ID: groupLook, Title: "What happens, and why:"},
		&cobra.Group{ID: groupFiles, Title: "Manifests:"},
	)
	root.AddCommand(
		newRoute(e), newRoutes(e), newRemove(e), newDefaults(e), newAccount(e), newToken(e), newConfig(e),
		newLint(e), newRender(e), newImport(e),
		newDeliveries(e), newRedrive(e), newWhy(e), newTest(e),
		newCompletion(e),
	)
	return root
}

// The groups of verbs in the help.
const (
	groupRoutes = "routes"
	groupLook   = "look"
	groupFiles  = "files"
)

// noVerb refuses what is no verb, with the nearest one.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("there is no command %q; did you mean %q?", args[0], near[0])
	}
	return usage("there is no command %q; kubectl travis help lists them", args[0])
}

// arguments counts the arguments of a verb; most of -1 is any number.
func arguments(least, most int, form string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usage("write it as: kubectl travis %s", form)
		}
		return nil
	}
}
