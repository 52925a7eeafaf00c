package cli

import (
	"github.com/spf13/cobra"

	"github.com/travishook/travishook/api/v1alpha1"
)

func newSuspend(e *environment) *cobra.Command {
	return suspendCommand(e, true, "suspend ROUTE…", "Stop routes from matching new events", `  # Announce nothing while a migration breaks builds
  kubectl travis suspend example-example-builds`)
}

func newResume(e *environment) *cobra.Command {
	return suspendCommand(e, false, "resume ROUTE…", "Let suspended routes match new events again", `  # Announce builds again
  kubectl travis resume example-example-builds`)
}

// suspendCommand sets spec.suspend of routes.
func suspendCommand(e *environment, suspend bool, form, short, example string) *cobra.Command {
	var w *writer
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   short,
		Long: short + `.

Events that arrive while a route is suspended are not stored for it. Messages that were accepted
before are still delivered.`,
		Example:           example,
		Args:              arguments(1, -1, form),
		ValidArgsFunction: completeRouteNames(e),
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := w.check(); err != nil {
				return err
			}
			c, namespace, err := w.connect(cmd.Context())
			if err != nil {
				return err
			}
			if c == nil {
				return w.unread(namespace, names)
			}
			routes, err := listRoutes(cmd.Context(), c, namespace)
			if err != nil {
				return err
			}
			var changes []routeChange
			for _, name := range names {
				before, err := routeByName(routes, namespace, name)
				if err != nil {
					return err
				}
				after := before.DeepCopy()
				after.Spec.Suspend = suspend
				changes = append(changes, routeChange{before, after})
			}
			return w.applyAll(cmd.Context(), c, changes)
		},
	}
	w = newWriter(e, cmd)
	return cmd
}

// routeChange is a route before and after a change; after is nil if the route is deleted.
type routeChange struct{ before, after *v1alpha1.TravisRoute }
