package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/cli/gitops"
)

// The values of --dry-run.
const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"
)

// writer writes objects, or prints what it would write.
type writer struct {
	env    *environment
	output *genericclioptions.PrintFlags
	dryRun string

	structured printers.ResourcePrinter // shared by all objects, since it prints the separators
}

func newWriter(e *environment, cmd *cobra.Command) *writer {
	w := &writer{env: e, output: genericclioptions.NewPrintFlags("").WithTypeSetter(scheme)}
	w.output.AddFlags(cmd)
	cmd.Flags().StringVar(&w.dryRun, "dry-run", dryRunNone,
		`"client" prints what would be written and needs no cluster; "server" makes the API server validate it without storing it.`)
	completeOutput(cmd, "yaml", "json", "name")
	must(cmd.RegisterFlagCompletionFunc("dry-run", cobra.FixedCompletions([]string{dryRunNone, dryRunClient, dryRunServer}, cobra.ShellCompDirectiveNoFileComp)))
	return w
}

func must(err error) {
	if err != nil {
		panic(err) // a programming error, which the first test shows
	}
}

// check validates the flags before any request is made.
func (w *writer) check() error {
	if !slices.Contains([]string{dryRunNone, dryRunClient, dryRunServer}, w.dryRun) {
		return usage("--dry-run must be none, client or server, not %q", w.dryRun)
	}
	_, err := w.output.ToPrinter()
	return err
}

// dry reports whether nothing is stored.
func (w *writer) dry() bool { return w.dryRun != dryRunNone }

// effective returns c, or for a server dry run a client whose writes are not stored.
func (w *writer) effective(c client.Client) client.Client {
	if w.dryRun == dryRunServer {
		return client.NewDryRunClient(c)
	}
	return c
}

// create creates o and prints it.
func (w *writer) create(ctx context.Context, c client.Client, o client.Object) error {
	if w.dryRun != dryRunClient {
		if err := w.effective(c).Create(ctx, o); err != nil {
			return err
		}
	}
	return w.print(o, "created")
}

// update patches before to after and prints the object. It fails if the object was changed since it
// was read.
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
		err := pastStatus(ctx, c, before, func(version string) error {
			before.SetResourceVersion(version)
			after.SetResourceVersion(version)
			return w.effective(c).Patch(ctx, after, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		})
		if err != nil {
			return err
		}
	}
	return w.print(after, verb)
}

// maxConflicts limits how often a write is repeated.
const maxConflicts = 5

// pastStatus writes with the resource version of read, and again with a newer one if only the status was changed
// meanwhile, as the operator does at any time. Anything else that changed is a conflict.
func pastStatus(ctx context.Context, c client.Client, read client.Object, write func(version string) error) error {
	version := read.GetResourceVersion()
	for attempt := 1; ; attempt++ {
		err := write(version)
		if !apierrors.IsConflict(err) || attempt == maxConflicts {
			return err
		}
		now := read.DeepCopyObject().(client.Object)
		if c.Get(ctx, client.ObjectKeyFromObject(read), now) != nil || now.GetUID() != read.GetUID() ||
			read.GetGeneration() == 0 || now.GetGeneration() != read.GetGeneration() ||
			!maps.Equal(now.GetLabels(), read.GetLabels()) || !maps.Equal(now.GetAnnotations(), read.GetAnnotations()) {
			return err
		}
		version = now.GetResourceVersion()
	}
}

// unchanged reports whether a patch has nothing but the resource version.
func unchanged(patch []byte) bool {
	return !strings.Contains(string(patch), `"spec"`) && !strings.Contains(string(patch), `"data"`) &&
		!strings.Contains(string(patch), `"labels"`) && !strings.Contains(string(patch), `"annotations"`)
}

// remove deletes o, if it is still the version that was read, and prints it.
func (w *writer) remove(ctx context.Context, c client.Client, o client.Object) error {
	if w.dryRun != dryRunClient {
		uid := o.GetUID()
		err := pastStatus(ctx, c, o, func(version string) error {
			return w.effective(c).Delete(ctx, o, client.Preconditions{UID: &uid, ResourceVersion: &version})
		})
		if err != nil {
			return err
		}
	}
	return w.print(o, "deleted")
}

// print prints the object in the format of --output, by default one line with what was done.
func (w *writer) print(o client.Object, verb string) error {
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
	if w.dryRun == dryRunClient { // meant to be saved to a file
		u, err := manifest(o)
		if err != nil {
			return err
		}
		return printer.PrintObj(u, w.env.Out)
	}
	o.GetObjectKind().SetGroupVersionKind(kind)
	return printer.PrintObj(o, w.env.Out)
}

// printer returns the printer of --output.
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

// checkOwner fails if a GitOps tool owns the object, and prints the manifest to commit instead:
// wanted, or nothing if the object is to be deleted.
func (w *writer) checkOwner(existing, wanted client.Object) error {
	tool, owned := gitops.Owner(existing)
	if !owned {
		return nil
	}
	name := fmt.Sprintf("%s %s/%s", kindOf(existing), existing.GetNamespace(), existing.GetName())
	if wanted == nil {
		return fmt.Errorf("%s is managed by %s, which would create it again: delete its manifest there", name, tool)
	}
	if err := w.env.printManifest(wanted); err != nil {
		return err
	}
	return fmt.Errorf("%s is managed by %s, which would revert the change: nothing was changed; commit the manifest above instead", name, tool)
}

func kindOf(o client.Object) string {
	kind, err := apiutil.GVKForObject(o, scheme)
	if err != nil {
		return "object"
	}
	return kind.Kind
}

// checkOwners checks all changes before the first is made, so that nothing is left half done.
func (w *writer) checkOwners(changes []routeChange) error {
	for _, change := range changes {
		var wanted client.Object
		if change.after != nil {
			wanted = change.after
		}
		if err := w.checkOwner(change.before, wanted); err != nil {
			return err
		}
	}
	return nil
}

// applyAll checks and makes the changes.
func (w *writer) applyAll(ctx context.Context, c client.Client, changes []routeChange) error {
	if err := w.checkOwners(changes); err != nil {
		return err
	}
	for _, change := range changes {
		var err error
		if change.after == nil {
			err = w.remove(ctx, c, change.before)
		} else {
			err = w.update(ctx, c, change.before, change.after)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// offlineTimeout bounds the wait for a cluster that a client dry run can do without.
const offlineTimeout = 3 * time.Second

// connect returns the client and the namespace. A client dry run uses the cluster if it answers;
// otherwise the client is nil.
func (w *writer) connect(ctx context.Context) (client.Client, string, error) {
	c, namespace, err := w.env.connect()
	if w.dryRun != dryRunClient {
		return c, namespace, err
	}
	if err == nil {
		bounded, cancel := context.WithTimeout(ctx, offlineTimeout)
		defer cancel()
		err = c.List(bounded, &v1alpha1.TravisRouteList{}, client.InNamespace(namespace), client.Limit(1))
	}
	if err == nil || apierrors.IsForbidden(err) {
		return c, namespace, nil
	}
	w.env.note("note: no cluster is used: %s", errorLine(err))
	if namespace == "" {
		namespace = *w.env.cluster.Namespace
	}
	return nil, namespace, nil
}

// unread prints what a client dry run without a cluster would do to routes that it cannot read.
func (w *writer) unread(namespace string, names []string) error {
	if format := *w.output.OutputFormat; format != "" && format != "name" {
		return fmt.Errorf("-o %s needs a cluster, which has the routes to change: omit it, or use -o name", format)
	}
	for _, name := range names {
		if err := w.print(&v1alpha1.TravisRoute{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, "configured"); err != nil {
			return err
		}
	}
	return nil
}

// connectUnless is connect, but needs the cluster if there is nothing to write.
func (w *writer) connectUnless(ctx context.Context, reads bool) (client.Client, string, error) {
	if reads {
		return w.env.connect()
	}
	return w.connect(ctx)
}
