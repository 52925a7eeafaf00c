package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/client"
)

func newRedrive(e *environment) *cobra.Command {
	var a *asker
	var route string
	var every bool
	const form = "redrive [ID…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupLook,
		Short:   "Try messages again that were given up",
		Long: `Try messages again that were given up.

They go out with the same idempotency key as before, so a room that did get one and whose service
knows such keys does not get it twice.`,
		Example: `  # One of those that kubectl travis deliveries --state dead lists
  kubectl travis redrive 3f0c81d2aa

  # All of a route, all of this namespace
  kubectl travis redrive --route example
  kubectl travis redrive --all`,
		Args: arguments(0, -1, form),
		RunE: func(cmd *cobra.Command, ids []string) error {
			if chosen := count01(len(ids) > 0) + count01(route != "") + count01(every); chosen != 1 {
				return usage("name the deliveries, or a --route, or use --all")
			}
			c, namespace, err := a.connect()
			if err != nil {
				return err
			}
			question := deliveryapi.Redrive{Namespace: namespace, Route: route, All: every}
			if question.IDs, err = wholeIDs(cmd.Context(), c, namespace, ids); err != nil {
				return a.explain(err)
			}
			n, err := c.Redrive(cmd.Context(), question)
			if err != nil {
				return a.explain(err)
			}
			if a.structured() {
				return e.dump(deliveryapi.Redriven{Redriven: n}, a.output)
			}
			if n == 0 {
				fmt.Fprintf(e.Out, "Nothing was given up%s, so nothing is tried again.\n", in(namespace))
				return nil
			}
			fmt.Fprintf(e.Out, "%s tried again.\n", are(n, "message"))
			return nil
		},
	}
	a = newAsker(e, cmd)
	a.allNamespaces(cmd)
	cmd.Flags().StringVar(&route, "route", "", "All of this route.")
	cmd.Flags().BoolVar(&every, "all", false, "All of the namespace.")
	must(cmd.RegisterFlagCompletionFunc("route", completeRouteNames(e)))
	return cmd
}

func count01(is bool) int {
	if is {
		return 1
	}
	return 0
}

func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return count(n, what) + " are"
}

// wholeIDs completes the beginnings of IDs that people type.
func wholeIDs(ctx context.Context, c *client.Client, namespace string, begun []string) ([]string, error) {
	if len(begun) == 0 {
		return nil, nil
	}
	list, err := c.Deliveries(ctx, namespace, "", deliveryapi.Dead)
	if err != nil {
		return nil, err
	}
	var whole []string
	for _, beginning := range begun {
		var found []string
		for _, d := range list.Deliveries {
			if strings.HasPrefix(d.ID, beginning) {
				found = append(found, d.ID)
			}
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("nothing that was given up%s has an ID that begins with %q", in(namespace), beginning)
		}
		if len(found) > 1 {
			return nil, fmt.Errorf("%d IDs begin with %q: type more of it", len(found), beginning)
		}
		whole = append(whole, found[0])
	}
	return whole, nil
}
