package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/internal/cli/importer"
)

func newImport(e *environment) *cobra.Command {
	var options importer.Options
	var from, publicURL string
	const form = "import FILE"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupFiles,
		Short:   "Convert TravisHook's configuration or a .travis.yml to manifests",
		Long: `Convert TravisHook's configuration or a .travis.yml to manifests.

TravisHook is the plugin for the chat bot Errbot that travishook succeeds; its configuration is the output
of its command config. The manifests go to the standard output,
with the new webhook URL of each repository that has a token: change it at Travis. What cannot be
converted is listed there in comments, and on the standard error. No cluster is needed; if one answers
and --public-url is not given, the URL comes from the operator's settings.`,
		Example: `  # TravisHook's configuration
  kubectl travis import travishook.json -n team-a --account jabber | kubectl apply -f -

  # The notifications of a .travis.yml
  kubectl travis import .travis.yml --repo example/example > routes.yaml`,
		Args: arguments(1, 1, form),
		RunE: func(cmd *cobra.Command, args []string) error {
			if publicURL != "" {
				if err := checkPublicURL(publicURL); err != nil {
					return err
				}
			}
			options.Namespace, options.ManagedBy = *e.cluster.Namespace, manager
			options.Services = serviceNames()
			result, err := e.importFile(args[0], from, options)
			if err != nil {
				return err
			}
			return e.showImported(result, args[0], e.importURL(cmd.Context(), publicURL, result))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.Account, "account", "", "The account of the channels. Default: the default account; for a .travis.yml, the service's name.")
	flags.StringVar(&options.Repository, "repo", "", "The repository of the .travis.yml.")
	flags.StringVar(&from, "from", "", "The kind of file: travishook or travis.yml. Default: by its name.")
	flags.StringVar(&publicURL, "public-url", "", "The receiver's public URL.")
	completeAccounts(e, cmd)
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
			return nil, usage("a .travis.yml does not name its repository: add --repo owner/name")
		}
		if err := checkRepository(options.Repository); err != nil {
			return nil, err
		}
		return importer.TravisYAML(content, options)
	}
	return nil, usage("--from must be travishook or travis.yml, not %q", from)
}

// importURL returns the receiver's public URL for the imported repositories with a token.
func (e *environment) importURL(ctx context.Context, given string, r *importer.Result) string {
	if given != "" || len(r.Tokens) == 0 {
		return given
	}
	var c client.Client
	if _, err := e.cluster.ToRESTConfig(); err == nil {
		if c, err = e.client(); err != nil {
			c = nil
		}
	}
	bounded, cancel := context.WithTimeout(ctx, offlineTimeout)
	defer cancel()
	url, known := e.publicURL(bounded, c)
	if !known {
		e.note("note: the receiver's public URL is unknown: replace %s, or set it with --public-url", placeholderURL)
	}
	return url
}

func (e *environment) showImported(r *importer.Result, path, url string) error {
	fmt.Fprintf(e.Out, "# Made by kubectl travis import from %s.\n", printable(path))
	if len(r.Tokens) > 0 {
		fmt.Fprintln(e.Out, "# The manifests contain tokens in clear text: apply them, do not commit them.")
		e.note("note: the output contains tokens in clear text: apply it, do not commit it")
	}
	for _, note := range r.Notes {
		fmt.Fprintln(e.Out, "# note: "+printable(note))
		e.note("note: %s", note)
	}
	for _, t := range r.Tokens {
		line := "change the webhook URL of " + t.Repository + " at Travis to " + webhookURL(url, t.Repository, t.Token)
		fmt.Fprintln(e.Out, "# "+printable(line))
		e.note("note: %s", line)
	}
	for _, o := range r.Objects {
		fmt.Fprintln(e.Out, "---")
		if err := e.printManifest(o); err != nil {
			return err
		}
	}
	return nil
}
