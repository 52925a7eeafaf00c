package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/deliveryapi"
)

func newTest(e *environment) *cobra.Command {
	var o *operatorFlags
	const form = "test ROUTE"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupDeliveries,
		Short:   "Send a test message to each channel of a route, and print the results",
		Long: `Send a test message to each channel of a route, and print the results.

The message is marked as a test, and uses the route's account and template. It is neither stored nor
retried. The exit code is 1 if the message was not delivered to a channel.`,
		Example: `  # Check that messages reach the route's channels
  kubectl travis test example`,
		Args:              arguments(1, 1, form),
		ValidArgsFunction: completeRouteNames(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, namespace, err := o.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close(cmd.Context())
			results, err := c.Test(cmd.Context(), namespace, args[0])
			if err != nil {
				return o.explain(err)
			}
			if o.structured() {
				err = e.dump(results, o.output)
			} else {
				e.showTestResults(results)
			}
			for _, r := range results {
				if r.Outcome != deliveryapi.TestDelivered && err == nil {
					err = errReported
				}
			}
			return err
		},
	}
	o = newOperatorFlags(e, cmd)
	return cmd
}

func (e *environment) showTestResults(results []deliveryapi.TestResult) {
	for _, r := range results {
		line := channelName(r.Account, r.Address) + ": " + r.Outcome
		if r.Reason != "" {
			line += ": " + r.Reason
		}
		fmt.Fprintln(e.Out, printable(line))
	}
}
