package cli

import (
	"fmt"
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
		Short:   "List routes, of all repositories or of some",
		Example: `  # The routes of this namespace
  kubectl travis routes

  # Those of one repository, in all namespaces, with what keeps them from being ready
  kubectl travis routes example/example -A -o wide`,
		Args:              arguments(0, -1, form),
		ValidArgsFunction: completeRoute(e),
		RunE: func(cmd *cobra.Command, repositories []string) error {
			if err := l.check(); err != nil {
				return err
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
			if routes, err = chosenRoutes(routes, repositories); err != nil {
				return err
			}
			if l.structured() {
				list := &v1alpha1.TravisRouteList{Items: routes}
				for i := range list.Items {
					list.Items[i].SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TravisRoute"))
				}
				list.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Kind: "TravisRouteList"})
				return l.print(list)
			}
			return e.showRoutes(routes, namespace, l.wide())
		},
	}
	l.addFlags(cmd)
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "List the routes of all namespaces.")
	return cmd
}

// chosenRoutes are those of the repositories, all where none is named. One that has no route is
// an error: it is likely misspelled.
func chosenRoutes(routes []v1alpha1.TravisRoute, repositories []string) ([]v1alpha1.TravisRoute, error) {
	if len(repositories) == 0 {
		return routes, nil
	}
	var chosen []v1alpha1.TravisRoute
	for _, repository := range repositories {
		if err := checkRepository(repository); err != nil {
			return nil, err
		}
		found := ofRepository(routes, repository)
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no route of %s here; kubectl travis routes -A lists those of all namespaces", repository)
		}
		chosen = append(chosen, found...)
	}
	return chosen, nil
}

func (e *environment) showRoutes(routes []v1alpha1.TravisRoute, namespace string, wide bool) error {
	if len(routes) == 0 {
		e.note("There are no routes%s.", in(namespace))
		return nil
	}
	columns := []string{"NAME", "REPOSITORY", "ROOMS", "EVENTS", "READY", "LAST BUILD", "AGE"}
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

// showEvents are those that the route lists, else those in effect, marked as not its own.
func showEvents(r *v1alpha1.TravisRoute) string {
	switch {
	case len(r.Spec.Events) > 0:
		return joinEvents(r.Spec.Events)
	case r.Status.EventSummary != "":
		return r.Status.EventSummary + " (defaults)"
	}
	return "(defaults)"
}

func in(namespace string) string {
	if namespace = strings.TrimSpace(namespace); namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}
