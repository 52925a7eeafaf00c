package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/cli/importer"
)

func newImport(e *environment) *cobra.Command {
	var options importer.Options
	var from string
	const form = "import FILE"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupFiles,
		Short:   "Make manifests of TravisHook's configuration, or of a .travis.yml's notifications",
		Long: `Make manifests of TravisHook's configuration, or of a .travis.yml's notifications.

TravisHook's configuration is what its command config printed. The manifests go to the standard
output. What could not be carried over is said there, in comments, and on the standard error.
No cluster is asked.`,
		Example: `  # TravisHook's configuration, as it printed it
  kubectl travis import travishook.json -n team-a --account jabber | kubectl apply -f -

  # What .travis.yml tells Slack, IRC and people by mail
  kubectl travis import .travis.yml --repo example/example > routes.yaml`,
		Args: arguments(1, 1, form),
		RunE: func(_ *cobra.Command, args []string) error {
			options.Namespace = *e.cluster.Namespace
			options.Services = serviceNames()
			result, err := e.importFile(args[0], from, options)
			if err != nil {
				return err
			}
			return e.showImported(result, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.Account, "account", "", "The account that speaks in the rooms. Left out: the default one; for a .travis.yml, one called like the service.")
	flags.StringVar(&options.Repository, "repo", "", "The repository that the .travis.yml is of.")
	flags.StringVar(&from, "from", "", "What the file is: travishook or travis.yml. Left out: told by its name.")
	must(cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions([]string{"travishook", "travis.yml"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (e *environment) importFile(path, from string, options importer.Options) (*importer.Result, error) {
	var content []byte
	var err error
	if path == "-" {
		content, err = io.ReadAll(io.LimitReader(e.In, maxManifest))
	} else {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	if from == "" && (filepath.Ext(path) == ".yml" || filepath.Ext(path) == ".yaml") {
		from = "travis.yml"
	}
	switch from {
	case "", "travishook":
		return importer.TravisHook(content, options)
	case "travis.yml":
		if options.Repository == "" {
			return nil, usage("a .travis.yml does not say which repository it is of: name it with --repo owner/name")
		}
		if err := checkRepository(options.Repository); err != nil {
			return nil, err
		}
		return importer.TravisYAML(content, options)
	}
	return nil, usage("--from is travishook or travis.yml, and not %q", from)
}

func (e *environment) showImported(r *importer.Result, path string) error {
	fmt.Fprintf(e.Out, "# Made by kubectl travis import from %s.\n", printable(path))
	if r.Secrets {
		fmt.Fprintln(e.Out, "# There are tokens in it, in the clear: apply it, and do not commit it.")
		e.note("note: there are tokens in the output, in the clear: apply it, and do not commit it")
	}
	for _, note := range r.Notes {
		fmt.Fprintln(e.Out, "# not carried over: "+printable(strings.ReplaceAll(note, "\n", " ")))
		e.note("note: %s", printable(note))
	}
	for _, o := range r.Objects {
		fmt.Fprintln(e.Out, "---")
		if err := e.printManifest(o); err != nil {
			return err
		}
	}
	return nil
}
