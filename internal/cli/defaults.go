package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

func newDefaults(e *environment) *cobra.Command {
	var w *writer
	var cluster bool
	var account string
	const form = "defaults [EVENTS…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Show the default events, or set them",
		Long: `Show the default events, or set them.

The routes that kubectl travis route made keep the events that were the defaults at that time. Those
that list no events, or were made with --follow-defaults, follow the new ones.`,
		Example: `  # Show them
  kubectl travis defaults

  # Set those of this namespace
  kubectl travis defaults failure fixed

  # Set those of the whole cluster
  kubectl travis defaults --cluster-wide passed failure fixed still_failing

  # Set the account of rooms that name none
  kubectl travis defaults --account slack`,
		Args:              arguments(0, -1, form),
		ValidArgsFunction: completeEvents,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.check(); err != nil {
				return err
			}
			events, err := parseEvents(args)
			if err != nil {
				return err
			}
			c, namespace, err := e.connect()
			if err != nil {
				return err
			}
			if cluster {
				namespace = e.operatorNamespace
			}
			if len(events) == 0 && account == "" {
				return e.showDefaults(cmd.Context(), c, namespace, w)
			}
			return e.changeDefaults(cmd.Context(), c, w, namespace, func(d *v1alpha1.TravisDefaults) {
				if len(events) > 0 {
					d.Spec.Events = events
				}
				if account != "" {
					d.Spec.Account = account
				}
			})
		},
	}
	cmd.Flags().BoolVar(&cluster, "cluster-wide", false, "Those of the whole cluster, in the operator's own namespace.")
	cmd.Flags().StringVar(&account, "account", "", "Make this the account of rooms that name none.")
	w = newWriter(e, cmd)
	return cmd
}

// changeDefaults changes the defaults of a namespace, which need not exist yet.
func (e *environment) changeDefaults(ctx context.Context, c client.Client, w *writer, namespace string, change func(*v1alpha1.TravisDefaults)) error {
	existing, err := readDefaults(ctx, c, namespace)
	if err != nil {
		return err
	}
	if existing == nil {
		wanted := &v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName}}
		change(wanted)
		return w.create(ctx, c, wanted)
	}
	wanted := existing.DeepCopy()
	change(wanted)
	if err := w.ownedElsewhere(existing, wanted); err != nil {
		return err
	}
	return w.update(ctx, c, existing, wanted)
}

// showDefaults tells what routes of the namespace follow that list no events.
func (e *environment) showDefaults(ctx context.Context, c client.Client, namespace string, w *writer) error {
	s, err := e.look(ctx, c, namespace)
	if err != nil {
		return err
	}
	if *w.output.OutputFormat != "" {
		if s.own == nil {
			return fmt.Errorf("namespace %s has no TravisDefaults of its own", namespace)
		}
		return w.tell(s.own, "")
	}
	events, from, err := s.defaultEvents()
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "The default events%s are %s (%s).\n", in(namespace), strings.ReplaceAll(joinEvents(events), ",", ", "), from)
	return nil
}
