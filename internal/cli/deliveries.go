package cli

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/deliveryapi"
)

func newDeliveries(e *environment) *cobra.Command {
	var a *asker
	var state string
	const form = "deliveries [ROUTE]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupLook,
		Short:   "List the messages that wait, are being sent, or were given up",
		Example: `  # What waits, and what was given up, in this namespace
  kubectl travis deliveries

  # Only what was given up, everywhere, with the whole reasons
  kubectl travis deliveries -A --state dead -o wide`,
		Args:              arguments(0, 1, form),
		ValidArgsFunction: completeRouteNames(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(deliveryStates, state) {
				return usage("--state is waiting, sending or dead, and not %q", state)
			}
			c, namespace, err := a.connect()
			if err != nil {
				return err
			}
			route := ""
			if len(args) == 1 {
				route = args[0]
			}
			list, err := c.Deliveries(cmd.Context(), namespace, route, deliveryapi.State(state))
			if err != nil {
				return a.explain(err)
			}
			if a.structured() {
				return e.dump(list, a.output)
			}
			return e.showDeliveries(list, namespace, a.output == "wide")
		},
	}
	a = newAsker(e, cmd)
	a.allNamespaces(cmd)
	cmd.Flags().StringVar(&state, "state", "", "Only those that are waiting, sending or dead.")
	must(cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(deliveryStates[1:], cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

var deliveryStates = []string{"", string(deliveryapi.Waiting), string(deliveryapi.Sending), string(deliveryapi.Dead)}

// maxReason is how much of a reason a row shows, in characters, unless it is to be wide.
const maxReason = 60

func (e *environment) showDeliveries(list deliveryapi.Deliveries, namespace string, wide bool) error {
	if len(list.Deliveries) == 0 {
		e.note("Nothing waits and nothing was given up%s.", in(namespace))
		return nil
	}
	columns := []string{"ID", "ROUTE", "ROOM", "REPOSITORY", "BUILD", "EVENT", "STATE", "ATTEMPTS", "NEXT", "AGE", "LAST REASON"}
	if namespace == "" {
		columns = append([]string{"NAMESPACE"}, columns...)
	}
	t := newTable(e.Out, columns...)
	for i := range list.Deliveries {
		d := &list.Deliveries[i]
		row := []string{short(d.ID), d.Route, showRoom(d.Account, d.Address), d.Repository, d.Build, d.Event, string(d.State),
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
