package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/travishook/travishook/api/v1alpha1"
)

func newRoutes(e *environment) *cobra.Command {
	all := false
	l := newLister(e)
	const form = "routes [REPO…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "List routes",
		Example: `  # The routes of this namespace
  kubectl travis routes

  # The routes of one repository in all namespaces, and why they are not ready
  kubectl travis routes example/example -A -o wide`,
		Args:              arguments(0, -1, form),
		ValidArgsFunction: completeRepositories(e),
		RunE: func(cmd *cobra.Command, wanted []string) error {
			if err := l.check(); err != nil {
				return err
			}
			for _, repository := range wanted {
				if err := checkRepositoryPattern(repository); err != nil {
					return err
				}
			}
			c, namespace, err := e.connect()
			if err != nil {
				return err
			}
			if all {
				namespace = ""
			}
			routes, err := listRoutes(cmd.Context(), c, namespace)
			if err != nil {
				return err
			}
			chosen, missing := chooseRoutes(routes, wanted)
			if err := e.printRoutes(l, chosen, namespace, len(missing) > 0); err != nil {
				return err
			}
			return e.reportMissing(missing, routes, namespace)
		},
	}
	l.addFlags(cmd)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "List the routes of all namespaces.")
	return cmd
}

// chooseRoutes selects the routes of repositories, all if none is given, and returns the
// repositories without a route.
func chooseRoutes(routes []v1alpha1.TravisRoute, wanted []string) (chosen []v1alpha1.TravisRoute, missing []string) {
	if len(wanted) == 0 {
		return routes, nil
	}
	for _, repository := range wanted {
		found := forRepository(routes, repository)
		if len(found) == 0 {
			missing = append(missing, repository)
		}
		chosen = append(chosen, found...)
	}
	return chosen, missing
}

// reportMissing fails the command if a repository has no route, after the others were listed.
func (e *environment) reportMissing(missing []string, routes []v1alpha1.TravisRoute, namespace string) error {
	for _, repository := range missing {
		hint := suggestion(repository, repositories(routes))
		if namespace != "" {
			hint += "; kubectl travis routes -A lists all namespaces"
		}
		e.note("error: no route for %s%s%s", repository, inNamespace(namespace), hint)
	}
	if len(missing) > 0 {
		return errReported
	}
	return nil
}

func (e *environment) printRoutes(l *lister, routes []v1alpha1.TravisRoute, namespace string, quiet bool) error {
	switch {
	case l.structured():
		list := &v1alpha1.TravisRouteList{Items: routes}
		for i := range list.Items {
			list.Items[i].SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TravisRoute"))
		}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Kind: "TravisRouteList"})
		return l.print(list)
	case len(routes) == 0 && quiet:
		return nil
	}
	return e.showRoutes(routes, namespace, l.wide())
}

func (e *environment) showRoutes(routes []v1alpha1.TravisRoute, namespace string, wide bool) error {
	if len(routes) == 0 {
		e.note("No routes%s.", inNamespace(namespace))
		return nil
	}
	columns := []string{"NAME", "REPOSITORY", "CHANNELS", "EVENTS", "READY", "LAST BUILD", "AGE"}
	if namespace == "" {
		columns = append([]string{"NAMESPACE"}, columns...)
	}
	if wide {
		columns = append(columns, "REASON", "MESSAGE")
	}
	t := newTable(e.Out, columns...)
	for i := range routes {
		r := &routes[i]
		state := ready(r.Status.Conditions)
		row := []string{r.Name, r.Spec.Repository, showChannels(r.Spec.Channels), showEvents(r), string(state.Status), r.Status.LastBuild, age(r.CreationTimestamp)}
		if namespace == "" {
			row = append([]string{r.Namespace}, row...)
		}
		if wide {
			row = append(row, state.Reason, state.Message)
		}
		t.row(row...)
	}
	return t.end()
}

// showEvents returns the route's own events, else those in effect, marked as defaults.
func showEvents(r *v1alpha1.TravisRoute) string {
	switch {
	case len(r.Spec.Events) > 0:
		return joinEvents(r.Spec.Events)
	case r.Status.EventSummary != "":
		return r.Status.EventSummary + " (defaults)"
	}
	return "(defaults)"
}

func inNamespace(namespace string) string {
	if namespace = strings.TrimSpace(namespace); namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}
