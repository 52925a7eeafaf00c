package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/travishook/travishook/internal/cli/gitops"
)

// The ways of trying a change out.
const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

// writer changes objects, or only says what it would change.
type writer struct {
	env    *environment
	output *genericclioptions.PrintFlags
	dryRun string

	structured printers.ResourcePrinter // one for all objects, as it separates them
}

func newWriter(e *environment, cmd *cobra.Command) *writer {
	w := &writer{env: e, output: genericclioptions.NewPrintFlags("").WithTypeSetter(scheme)}
	w.output.AddFlags(cmd)
	cmd.Flags().StringVar(&w.dryRun, "dry-run", dryRunNone,
		`"client" prints what would be written without asking the server, "server" lets the server check it without keeping it.`)
	must(cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions([]string{dryRunNone, dryRunClient, dryRunServer}, cobra.ShellCompDirectiveNoFileComp)))
	return w
}

func must(err error) {
	if err != nil {
		panic(err) // a mistake of the program, which its first test shows
	}
}

// check refuses flags that make no sense before anything is asked of the cluster.
func (w *writer) check() error {
	if !slices.Contains([]string{dryRunNone, dryRunClient, dryRunServer}, w.dryRun) {
		return usage("--dry-run is none, client or server, and not %q", w.dryRun)
	}
	_, err := w.output.ToPrinter()
	return err
}

// dry reports whether nothing is kept.
func (w *writer) dry() bool { return w.dryRun != dryRunNone }

// kept is the client, or one whose changes the server does not keep.
func (w *writer) kept(c client.Client) client.Client {
	if w.dryRun == dryRunServer {
		return client.NewDryRunClient(c)
	}
	return c
}

// create creates o and tells it.
func (w *writer) create(ctx context.Context, c client.Client, o client.Object) error {
	if w.dryRun != dryRunClient {
		if err := w.kept(c).Create(ctx, o); err != nil {
			return err
		}
	}
	return w.tell(o, "created")
}

// update writes the difference between before and after, and tells it. Whoever changed the object
// meanwhile is not overwritten.
func (w *writer) update(ctx context.Context, c client.Client, before, after client.Object) error {
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	data, err := patch.Data(after)
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	verb := "configured"
	if unchanged(data) {
		verb = "unchanged"
	} else if w.dryRun != dryRunClient {
		if err := w.kept(c).Patch(ctx, after, patch); err != nil {
			return err
		}
	}
	return w.tell(after, verb)
}

// unchanged reports whether a patch does nothing but name the version that it is for.
func unchanged(patch []byte) bool {
	return !strings.Contains(string(patch), `"spec"`) && !strings.Contains(string(patch), `"data"`) &&
		!strings.Contains(string(patch), `"labels"`) && !strings.Contains(string(patch), `"annotations"`)
}

// remove deletes o, as long as it is the version that was looked at, and tells it.
func (w *writer) remove(ctx context.Context, c client.Client, o client.Object) error {
	if w.dryRun != dryRunClient {
		uid, version := o.GetUID(), o.GetResourceVersion()
		if err := w.kept(c).Delete(ctx, o, client.Preconditions{UID: &uid, ResourceVersion: &version}); err != nil {
			return err
		}
	}
	return w.tell(o, "deleted")
}

// tell prints the object as --output says, without it one line on what was done.
func (w *writer) tell(o client.Object, verb string) error {
	kind, err := apiutil.GVKForObject(o, scheme)
	if err != nil {
		return err
	}
	switch w.dryRun {
	case dryRunClient:
		verb += " (dry run)"
	case dryRunServer:
		verb += " (server dry run)"
	}
	printer, err := w.printer(verb)
	if err != nil {
		return err
	}
	if w.dryRun == dryRunClient { // what is meant to be written into a file
		u, err := manifest(o)
		if err != nil {
			return err
		}
		return printer.PrintObj(u, w.env.Out)
	}
	o.GetObjectKind().SetGroupVersionKind(kind)
	return printer.PrintObj(o, w.env.Out)
}

// printer prints objects as --output says, without it one line on what was done.
func (w *writer) printer(verb string) (printers.ResourcePrinter, error) {
	if *w.output.OutputFormat == "" || *w.output.OutputFormat == "name" {
		w.output.NamePrintFlags.Operation = verb
		return w.output.ToPrinter()
	}
	var err error
	if w.structured == nil {
		w.structured, err = w.output.ToPrinter()
	}
	return w.structured, err
}

// ownedElsewhere refuses to change what a GitOps tool owns, and prints what to commit instead:
// wanted, or nothing where the object is to be deleted.
func (w *writer) ownedElsewhere(existing, wanted client.Object) error {
	tool, owned := gitops.Owner(existing)
	if !owned {
		return nil
	}
	name := fmt.Sprintf("%s %s/%s", kindOf(existing), existing.GetNamespace(), existing.GetName())
	if wanted == nil {
		return fmt.Errorf("%s belongs to %s, which would bring it back: delete its manifest there", name, tool)
	}
	if err := w.env.printManifest(wanted); err != nil {
		return err
	}
	return fmt.Errorf("%s belongs to %s, which would undo the change: nothing was changed; commit the manifest above there instead", name, tool)
}

func kindOf(o client.Object) string {
	kind, err := apiutil.GVKForObject(o, scheme)
	if err != nil {
		return "object"
	}
	return kind.Kind
}
