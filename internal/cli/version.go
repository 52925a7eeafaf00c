package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/version"
)

// versions is what version prints.
type versions struct {
	Client   string `json:"client"`
	Operator string `json:"operator,omitempty"`
}

func newVersion(e *environment) *cobra.Command {
	var o *operatorFlags
	var clientOnly bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this plugin and of the operator",
		Example: `  # Both versions
  kubectl travis version

  # Only the plugin's version, without a cluster
  kubectl travis version --client`,
		Args: arguments(0, 0, "version"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := versions{Client: version.String()}
			var err error
			if !clientOnly {
				c, _, failed := o.connect(cmd.Context())
				if failed == nil {
					defer c.Close(cmd.Context())
					found.Operator, failed = c.Version(cmd.Context())
				}
				err = o.explain(failed)
			}
			if o.structured() {
				if failed := e.dump(found, o.output); failed != nil {
					return failed
				}
				return err
			}
			fmt.Fprintf(e.Out, "client: %s\n", found.Client)
			if err == nil && !clientOnly {
				fmt.Fprintf(e.Out, "operator: %s\n", found.Operator)
			}
			return err
		},
	}
	o = newOperatorFlags(e, cmd)
	cmd.Flags().BoolVar(&clientOnly, "client", false, "Print the plugin's version only.")
	return cmd
}
