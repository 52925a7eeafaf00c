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
		Short:   "Show or set the default events and the default account",
		Long: `Show or set the default events and the default account.

A route that was created with kubectl travis route keeps the events that were the defaults at that time.
Routes that list no events, as with --follow-defaults, use the new defaults.`,
		Example: `  # Show the default events
  kubectl travis defaults

  # Set the default events of this namespace
  kubectl travis defaults failure fixed

  # Set the default events of the whole cluster
  kubectl travis defaults --cluster-wide passed failure fixed still_failing

  # Set the account for channels that name none
  kubectl travis defaults --account slack`,
		Args:              arguments(0, -1, form),
		ValidArgsFunction: completeEvents,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.check(); err != nil {
				return err
			}
			events, err := parseEvents(args, "defaults have events only; choose build types for each route with kubectl travis route … --build-types")
			if err != nil {
				return err
			}
			show := len(events) == 0 && account == ""
			c, namespace, err := w.connectUnless(cmd.Context(), show)
			if err != nil {
				return err
			}
			if cluster {
				namespace = e.operatorNamespace
			}
			if show {
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
	cmd.Flags().BoolVar(&cluster, "cluster-wide", false, "Show or set the defaults of the whole cluster, in the operator's namespace.")
	cmd.Flags().StringVar(&account, "account", "", "The account for channels that name none.")
	completeAccounts(e, cmd)
	w = newWriter(e, cmd)
	return cmd
}

// changeDefaults changes the defaults of a namespace and creates them if needed.
func (e *environment) changeDefaults(ctx context.Context, c client.Client, w *writer, namespace string, change func(*v1alpha1.TravisDefaults)) error {
	var existing *v1alpha1.TravisDefaults
	if c != nil {
		var err error
		if existing, err = readDefaults(ctx, c, namespace); err != nil {
			return err
		}
	}
	if existing == nil {
		wanted := &v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName}}
		change(wanted)
		return w.create(ctx, c, wanted)
	}
	wanted := existing.DeepCopy()
	change(wanted)
	if err := w.checkOwner(existing, wanted); err != nil {
		return err
	}
	return w.update(ctx, c, existing, wanted)
}

// showDefaults prints the events of routes that list none.
func (e *environment) showDefaults(ctx context.Context, c client.Client, namespace string, w *writer) error {
	s, err := e.snapshot(ctx, c, namespace)
	if err != nil {
		return err
	}
	if *w.output.OutputFormat != "" {
		if s.own == nil {
			return fmt.Errorf("namespace %s has no TravisDefaults of its own", namespace)
		}
		return w.print(s.own, "")
	}
	events, from, err := s.defaultEvents()
	if err != nil {
		return fmt.Errorf("the default events are %w", err)
	}
	fmt.Fprintf(e.Out, "Default events%s: %s (%s)\n", inNamespace(namespace), strings.ReplaceAll(joinEvents(events), ",", ", "), from)
	if _, account := s.accounts(); account != "" {
		fmt.Fprintf(e.Out, "Default account: %s\n", account)
	}
	return nil
}
