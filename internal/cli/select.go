package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing/glob"
)

// listRoutes returns the routes of a namespace, or of all if it is empty, by namespace and name.
func listRoutes(ctx context.Context, c client.Client, namespace string) ([]v1alpha1.TravisRoute, error) {
	var list v1alpha1.TravisRouteList
	if err := c.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.TravisRoute) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return list.Items, nil
}

// ofRepository selects the routes of a repository, ignoring case as the operator does.
func ofRepository(routes []v1alpha1.TravisRoute, repository string) []v1alpha1.TravisRoute {
	var found []v1alpha1.TravisRoute
	for i := range routes {
		if strings.EqualFold(routes[i].Spec.Repository, repository) {
			found = append(found, routes[i])
		}
	}
	return found
}

// forRepository selects the routes of a repository, and those with a pattern that it matches.
func forRepository(routes []v1alpha1.TravisRoute, repository string) []v1alpha1.TravisRoute {
	var found []v1alpha1.TravisRoute
	for i := range routes {
		if announces(routes[i].Spec.Repository, repository) {
			found = append(found, routes[i])
		}
	}
	return found
}

// announces reports whether a route for declared, a repository or a pattern, is also one for the repository.
func announces(declared, repository string) bool {
	if strings.EqualFold(declared, repository) {
		return true
	}
	return isPattern(declared) && !isPattern(repository) && glob.Match(strings.ToLower(declared), strings.ToLower(repository))
}

func isPattern(repository string) bool { return strings.ContainsAny(repository, "*?") }

// withChannel selects the routes that have a channel which is fits.
func withChannel(routes []v1alpha1.TravisRoute, fits func(v1alpha1.Channel) bool) []v1alpha1.TravisRoute {
	var found []v1alpha1.TravisRoute
	for i := range routes {
		if slices.ContainsFunc(routes[i].Spec.Channels, fits) {
			found = append(found, routes[i])
		}
	}
	return found
}

// routeByName returns the route, or an error that suggests similar names.
func routeByName(routes []v1alpha1.TravisRoute, namespace, name string) (*v1alpha1.TravisRoute, error) {
	for i := range routes {
		if routes[i].Name == name {
			return &routes[i], nil
		}
	}
	return nil, fmt.Errorf("no route %q in namespace %s%s", name, namespace, suggestion(name, routeNames(routes)))
}

func routeNames(routes []v1alpha1.TravisRoute) []string {
	names := make([]string, len(routes))
	for i := range routes {
		names[i] = routes[i].Name
	}
	return names
}

func repositories(routes []v1alpha1.TravisRoute) []string {
	all := make([]string, len(routes))
	for i := range routes {
		all[i] = routes[i].Spec.Repository
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ambiguousError asks for --name where several routes match.
func ambiguousError(routes []v1alpha1.TravisRoute, what string) error {
	return fmt.Errorf("%d routes %s: choose one with --name: %s", len(routes), what, strings.Join(routeNames(routes), ", "))
}

func showChannel(c v1alpha1.Channel) string { return channelName(c.Account, c.Address) }

// channelName is how a channel is shown: account:address, or what there is of the two.
func channelName(account, address string) string { return strings.Trim(account+":"+address, ":") }

func showChannels(channels []v1alpha1.Channel) string {
	shown := make([]string, len(channels))
	for i, c := range channels {
		shown[i] = showChannel(c)
	}
	return strings.Join(shown, ",")
}
