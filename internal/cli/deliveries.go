package cli

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/deliveryapi"
)

func newDeliveries(e *environment) *cobra.Command {
	var o *operatorFlags
	var state string
	var dead bool
	const form = "deliveries [ROUTE]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupDeliveries,
		Short:   "List messages that wait, are being sent, or are dead letters",
		Example: `  # Everything that is stored for this namespace
  kubectl travis deliveries

  # Only dead letters, in all namespaces, with complete reasons
  kubectl travis deliveries -A --dead -o wide`,
		Args:              arguments(0, 1, form),
		ValidArgsFunction: completeRouteNames(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dead && state != "" && state != string(deliveryapi.Dead) {
				return usage("use either --dead or --state")
			}
			if dead {
				state = string(deliveryapi.Dead)
			}
			if !slices.Contains(deliveryStates, state) {
				return usage("--state must be waiting, sending or dead, not %q", state)
			}
			c, namespace, err := o.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close(cmd.Context())
			route := ""
			if len(args) == 1 {
				route = args[0]
			}
			list, err := c.Deliveries(cmd.Context(), namespace, route, deliveryapi.State(state))
			if err != nil {
				return o.explain(err)
			}
			if o.structured() {
				return e.dump(list, o.output)
			}
			return e.showDeliveries(list, namespace, o.output == "wide")
		},
	}
	o = newOperatorFlags(e, cmd)
	o.allNamespaces(cmd)
	cmd.Flags().StringVar(&state, "state", "", "Only deliveries in this state: waiting, sending or dead.")
	cmd.Flags().BoolVar(&dead, "dead", false, "Only dead letters: short for --state dead.")
	must(cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(deliveryStates[1:], cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

var deliveryStates = []string{"", string(deliveryapi.Waiting), string(deliveryapi.Sending), string(deliveryapi.Dead)}

// maxReason is the length of a reason in a row, in characters, without -o wide.
const maxReason = 60

func (e *environment) showDeliveries(list deliveryapi.Deliveries, namespace string, wide bool) error {
	if len(list.Deliveries) == 0 {
		e.note("No deliveries%s.", inNamespace(namespace))
		return nil
	}
	columns := []string{"ID", "ROUTE", "CHANNEL", "REPOSITORY", "BUILD", "EVENT", "STATE", "ATTEMPTS", "NEXT", "AGE", "LAST REASON"}
	if namespace == "" {
		columns = append([]string{"NAMESPACE"}, columns...)
	}
	t := newTable(e.Out, columns...)
	for i := range list.Deliveries {
		d := &list.Deliveries[i]
		row := []string{short(d.ID), d.Route, channelName(d.Account, d.Address), d.Repository, d.Build, d.Event, string(d.State),
			strconv.Itoa(d.Attempts), due(d), since(d.Accepted), reason(d.LastReason, wide)}
		if namespace == "" {
			row = append([]string{d.Namespace}, row...)
		}
		t.row(row...)
	}
	if err := t.end(); err != nil {
		return err
	}
	if list.More > 0 {
		fmt.Fprintf(e.Out, "… and %d more\n", list.More)
	}
	return nil
}

func reason(s string, wide bool) string {
	if runes := []rune(s); !wide && len(runes) > maxReason {
		return string(runes[:maxReason-1]) + "…"
	}
	return s
}
