// Package cli implements kubectl travis, with one file for each command. A command acts on the
// cluster as the caller, with the caller's permissions.
package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/travishook/travishook/internal/suggest"
)

// Run runs one command line and returns its exit code, one of the Exit constants. An error is one
// line on the standard error.
func Run(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	e := newEnvironment(streams)
	root := newRoot(e)
	root.SetArgs(args)
	err := e.outputError(root.ExecuteContext(ctx))
	if err == nil {
		return ExitOK
	}
	if message := errorLine(e.explainForbidden(err)); message != "" {
		fmt.Fprintln(streams.ErrOut, "error: "+message)
	}
	return exitCode(err)
}

func newRoot(e *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-travis",
		Short: "Relay Travis CI build events to chat",
		Long: `Relay Travis CI build events to chat.

The commands write Kubernetes objects with your permissions: a route is a TravisRoute, defaults and
accounts are a TravisDefaults, a token is a Secret. You can inspect and undo every change with kubectl.`,
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl travis"},
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              rejectUnknownCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(e.In)
	root.SetOut(e.Out)
	root.SetErr(e.ErrOut)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelp(root))
	e.addFlags(root)
	root.AddGroup(
		&cobra.Group{ID: groupRoutes, Title: "Routes, accounts and tokens:"},
		&cobra.Group{ID: groupDeliveries, Title: "Deliveries:"},
		&cobra.Group{ID: groupFiles, Title: "Manifests:"},
	)
	root.AddCommand(
		newRoute(e), newRoutes(e), newRemove(e), newSuspend(e), newResume(e), newDefaults(e), newAccount(e), newToken(e), newPeople(e), newConfig(e),
		newLint(e), newRender(e), newImport(e),
		newDeliveries(e), newRedrive(e), newWhy(e), newTest(e),
		newCompletion(e), newVersion(e),
	)
	return root
}

// The groups of commands in the help.
const (
	groupRoutes     = "routes"
	groupDeliveries = "deliveries"
	groupFiles      = "files"
)

// rejectUnknownCommand suggests the nearest command.
func rejectUnknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage("unknown command %q%s", args[0], suggestion(args[0], commandNames(cmd.Root())))
}

// arguments checks the number of arguments; a most of -1 is no limit.
func arguments(least, most int, form string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usage("usage: kubectl travis %s", form)
		}
		return nil
	}
}

// newHelp returns the command help, which fails for a command that does not exist.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(root), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			found, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usage("unknown command %q%s", strings.Join(args, " "), suggestion(strings.Join(args, " "), commandNames(root)))
			}
			return found.Help()
		},
	}
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagError adds the flag that is probably meant by an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	switch {
	case strings.HasPrefix(err.Error(), "unknown shorthand flag"):
		return usage("%v; %s --help lists all", err, cmd.CommandPath())
	case !unknown:
		return usage("%v", err)
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if near := suggest.Nearest(name, known); near != "" {
		return usage("unknown flag: --%s; did you mean --%s?", name, near)
	}
	return usage("unknown flag: --%s; %s --help lists all", name, cmd.CommandPath())
}
