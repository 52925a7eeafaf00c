package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/client"
	"github.com/travishook/travishook/internal/text"
)

// redriveCommand holds the flags of redrive.
type redriveCommand struct {
	*operatorFlags
	route string
	every bool
}

func newRedrive(e *environment) *cobra.Command {
	v := &redriveCommand{}
	const form = "redrive [ID…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupDeliveries,
		Short:   "Retry dead letters",
		Long: `Retry dead letters.

A redriven message keeps its idempotency key. If the service supports such keys, it does not show the
message twice, even if an earlier attempt arrived.`,
		Example: `  # One dead letter, by its ID from kubectl travis deliveries --dead
  kubectl travis redrive 3f0c81d2aa

  # All dead letters of a route, or of this namespace
  kubectl travis redrive --route example
  kubectl travis redrive --all`,
		Args: arguments(0, -1, form),
		RunE: func(cmd *cobra.Command, ids []string) error { return v.run(cmd.Context(), ids) },
	}
	v.operatorFlags = newOperatorFlags(e, cmd)
	v.allNamespaces(cmd)
	cmd.Flags().StringVar(&v.route, "route", "", "All dead letters of this route.")
	cmd.Flags().BoolVar(&v.every, "all", false, "All dead letters of the namespace.")
	must(cmd.RegisterFlagCompletionFunc("route", completeRouteNames(e)))
	return cmd
}

func (v *redriveCommand) run(ctx context.Context, ids []string) error {
	chosen := 0
	for _, given := range []bool{len(ids) > 0, v.route != "", v.every} {
		if given {
			chosen++
		}
	}
	if chosen != 1 {
		return usage("specify IDs, --route or --all")
	}
	c, namespace, err := v.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	request := deliveryapi.Redrive{Namespace: namespace, Route: v.route, All: v.every}
	if request.IDs, err = completeIDs(ctx, c, namespace, ids); err != nil {
		return v.explain(err)
	}
	n, err := c.Redrive(ctx, request)
	if err != nil {
		return v.explain(err)
	}
	if v.structured() {
		return v.env.dump(deliveryapi.Redriven{Redriven: n}, v.output)
	}
	if n == 0 {
		fmt.Fprintf(v.env.Out, "No dead letters%s.\n", inNamespace(namespace))
		return nil
	}
	fmt.Fprintf(v.env.Out, "%s redriven.\n", text.Count(n, "dead letter"))
	return nil
}

// completeIDs completes the prefixes of IDs that people type.
func completeIDs(ctx context.Context, c *client.Client, namespace string, prefixes []string) ([]string, error) {
	if len(prefixes) == 0 {
		return nil, nil
	}
	list, err := c.Deliveries(ctx, namespace, "", deliveryapi.Dead)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, prefix := range prefixes {
		var found []string
		for _, d := range list.Deliveries {
			if strings.HasPrefix(d.ID, prefix) {
				found = append(found, d.ID)
			}
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no dead letter%s has an ID that begins with %q; kubectl travis deliveries --dead lists them", inNamespace(namespace), prefix)
		}
		if len(found) > 1 {
			return nil, fmt.Errorf("%d IDs begin with %q: specify more of the ID", len(found), prefix)
		}
		ids = append(ids, found[0])
	}
	return ids, nil
}
