package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/cli/lint"
)

func newLint(e *environment) *cobra.Command {
	var output string
	var strict bool
	const form = "lint FILES…"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupFiles,
		Short:   "Check manifests without a cluster, as in a pull request's pipeline",
		Long: `Check manifests without a cluster, as in a pull request's pipeline.

They are checked by the schema and the rules of the kinds, and by the operator's own compiler: unknown
fields, templates, filters, accounts, and traps such as failed without broken. All files are checked
together, so name those that belong together in one call. A folder stands for the manifests in it and
below it, - for the standard input.

The exit code is 1 where there is an error, with --strict also where there is a warning.`,
		Example: `  # Check a folder
  kubectl travis lint manifests/

  # Annotate a pull request
  kubectl travis lint -o github manifests/

  # Check what comes out of a template
  kustomize build . | kubectl travis lint -`,
		Args: arguments(1, -1, form),
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains(lintOutputs, output) {
				return usage("--output is %s, and not %q", strings.Join(lintOutputs, ", "), output)
			}
			files, err := e.readManifests(args)
			if err != nil {
				return err
			}
			namespace := "default"
			if named := *e.cluster.Namespace; named != "" {
				namespace = named
			}
			result, err := lint.Check(files, newCompiler(e.operatorNamespace), namespace)
			if err != nil {
				return err
			}
			return e.showFindings(result, len(files), output, strict)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "Output format: text, github for annotations, or json.")
	cmd.Flags().BoolVar(&strict, "strict", false, "Fail on warnings too.")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(lintOutputs, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

var lintOutputs = []string{"text", "github", "json"}

// maxManifest bounds a file, in bytes: an API server takes no object of more than a few mebibytes.
const maxManifest = 64 << 20

// readManifests reads files, the manifests below folders, and the standard input.
func (e *environment) readManifests(paths []string) ([]lint.File, error) {
	var files []lint.File
	for _, path := range paths {
		if path == "-" {
			content, err := io.ReadAll(io.LimitReader(e.In, maxManifest))
			if err != nil {
				return nil, fmt.Errorf("read the standard input: %w", err)
			}
			files = append(files, lint.File{Name: "-", Content: content})
			continue
		}
		err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || name != path && !isManifest(name) {
				return err
			}
			content, err := os.ReadFile(name)
			files = append(files, lint.File{Name: name, Content: content})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

func (e *environment) showFindings(r *lint.Result, files int, output string, strict bool) error {
	switch output {
	case "json":
		raw, err := json.MarshalIndent(append([]lint.Finding{}, r.Findings...), "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(e.Out, string(raw))
	case "github":
		for _, f := range r.Findings {
			fmt.Fprintf(e.Out, "::%s file=%s,line=%d,title=%s::%s\n", f.Severity, property(f.File), f.Line, property(f.Object), data(f.Message))
		}
	default:
		for _, f := range r.Findings {
			fmt.Fprintf(e.Out, "%s:%d: %s: %s\n", f.File, f.Line, f.Severity, printable(withField(f)))
		}
	}
	errs := r.Errors()
	e.note("%s in %s of travishook's kinds, in %s.", count(len(r.Findings), "finding"), count(r.Checked, "object"), count(files, "file"))
	if errs > 0 || strict && len(r.Findings) > 0 {
		return errSilent
	}
	return nil
}

func withField(f lint.Finding) string {
	if f.Field == "" || strings.HasPrefix(f.Message, f.Field) {
		return f.Message
	}
	return f.Field + ": " + f.Message
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// data and property escape what would end an annotation, as its reader asks for.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
