package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/deliveryapi"
)

func newTest(e *environment) *cobra.Command {
	var a *asker
	const form = "test ROUTE"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupLook,
		Short:   "Send a test message through a route to each of its rooms, and tell what came of it",
		Long: `Send a test message through a route to each of its rooms, and tell what came of it.

The message is marked as a test, and goes the way that the route's messages go: by its account and
its text. It is not stored and not tried again. The exit code is 1 where a room did not get it.`,
		Example: `  # Does the room hear the operator?
  kubectl travis test example`,
		Args:              arguments(1, 1, form),
		ValidArgsFunction: completeRouteNames(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, namespace, err := a.connect()
			if err != nil {
				return err
			}
			results, err := c.Test(cmd.Context(), namespace, args[0])
			if err != nil {
				return a.explain(err)
			}
			if a.structured() {
				err = e.dump(results, a.output)
			} else {
				e.showTested(results)
			}
			for _, r := range results {
				if r.Outcome != deliveryapi.TestDelivered && err == nil {
					err = errSilent
				}
			}
			return err
		},
	}
	a = newAsker(e, cmd)
	return cmd
}

func (e *environment) showTested(results []deliveryapi.TestResult) {
	for _, r := range results {
		line := showRoom(r.Account, r.Address) + ": " + r.Outcome
		if r.Reason != "" {
			line += ": " + r.Reason
		}
		fmt.Fprintln(e.Out, printable(line))
	}
}
