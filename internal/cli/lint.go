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
	"github.com/travishook/travishook/internal/text"
)

func newLint(e *environment) *cobra.Command {
	var output string
	var strict bool
	var named []string
	const form = "lint [FILES…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupFiles,
		Short:   "Check manifests without a cluster, for pull requests",
		Long: `Check manifests without a cluster, for pull requests.

The command checks manifests against the schema and the rules of the CRDs, and with the operator's own
compiler. It finds unknown fields, mistakes in templates, filters and accounts, and pitfalls such as failed
without broken. It checks all files together, so pass files that belong together in one call. A folder
includes its subfolders, and - is standard input.

The exit code is 1 if there is an error or, with --strict, a warning.`,
		Example: `  # Check a folder
  kubectl travis lint manifests/

  # Annotate a pull request
  kubectl travis lint -o github manifests/

  # Check the output of a template
  kustomize build . | kubectl travis lint -`,
		RunE: func(_ *cobra.Command, args []string) error {
			if args = append(args, named...); len(args) == 0 {
				return usage("usage: kubectl travis %s", form)
			}
			if !slices.Contains(lintOutputs, output) {
				return usage("--output must be text, github or json, not %q", output)
			}
			files, err := e.readManifests(args)
			if err != nil {
				return err
			}
			namespace := "default"
			if *e.cluster.Namespace != "" {
				namespace = *e.cluster.Namespace
			}
			result, err := lint.Check(files, newCompiler(e.operatorNamespace), namespace)
			if err != nil {
				return err
			}
			return e.showFindings(result, len(files), output, strict)
		},
	}
	cmd.Flags().StringSliceVarP(&named, "filename", "f", nil, "Files or folders, like the arguments.")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "Output format: text, github for annotations, or json.")
	cmd.Flags().BoolVar(&strict, "strict", false, "Fail on warnings too.")
	completeOutput(cmd, slices.Clone(lintOutputs)...)
	return cmd
}

var lintOutputs = []string{"text", "github", "json"}

// maxManifest bounds the standard input, in bytes. An API server accepts objects of a few MiB.
const maxManifest = 64 << 20

// readManifests reads files, the manifests in folders, and the standard input. An empty
// folder counts as an empty file.
func (e *environment) readManifests(paths []string) ([]lint.File, error) {
	var files []lint.File
	for _, path := range paths {
		if path == "-" {
			content, err := io.ReadAll(io.LimitReader(e.In, maxManifest))
			if err != nil {
				return nil, fmt.Errorf("read standard input: %w", err)
			}
			files = append(files, lint.File{Name: "-", Source: "-", Content: content})
			continue
		}
		before := len(files)
		err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || name != path && !isManifest(name) {
				return err
			}
			content, err := os.ReadFile(name)
			files = append(files, lint.File{Name: name, Source: path, Content: content})
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(files) == before {
			files = append(files, lint.File{Name: path, Source: path})
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
			fmt.Fprintf(e.Out, "::%s file=%s,line=%d,title=%s::%s\n", f.Severity, property(f.File), f.Line, property(f.Object), data(printable(f.Message)))
		}
	default:
		for _, f := range r.Findings {
			fmt.Fprintf(e.Out, "%s:%d: %s: %s\n", printable(f.File), f.Line, f.Severity, printable(withField(f)))
		}
	}
	errs := r.Errors()
	e.note("%s in %s, %s checked.", text.Count(len(r.Findings), "finding"), text.Count(files, "file"), text.Count(r.Checked, "object"))
	if errs > 0 || strict && len(r.Findings) > 0 {
		return errReported
	}
	return nil
}

func withField(f lint.Finding) string {
	if f.Field == "" || strings.HasPrefix(f.Message, f.Field) {
		return f.Message
	}
	return f.Field + ": " + f.Message
}

// data and property escape text in GitHub's workflow commands.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(printable(s)))
}
