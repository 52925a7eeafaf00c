package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// listRoutes are the routes of a namespace, of all where it is empty, by namespace and name.
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

// ofRepository are those of a repository, whose upper and lower case do not matter.
func ofRepository(routes []v1alpha1.TravisRoute, repository string) []v1alpha1.TravisRoute {
	var found []v1alpha1.TravisRoute
	for i := range routes {
		if strings.EqualFold(routes[i].Spec.Repository, repository) {
			found = append(found, routes[i])
		}
	}
	return found
}

// withChannel are those with a room at address; an empty account is any.
func withChannel(routes []v1alpha1.TravisRoute, account, address string) []v1alpha1.TravisRoute {
	var found []v1alpha1.TravisRoute
	for i := range routes {
		if slices.ContainsFunc(routes[i].Spec.Channels, isChannel(account, address)) {
			found = append(found, routes[i])
		}
	}
	return found
}

func isChannel(account, address string) func(v1alpha1.Channel) bool {
	return func(c v1alpha1.Channel) bool {
		return c.Address == address && (account == "" || c.Account == account)
	}
}

// ambiguous is the error where several routes are meant and only one can be.
func ambiguous(routes []v1alpha1.TravisRoute, what string) error {
	names := make([]string, len(routes))
	for i := range routes {
		names[i] = routes[i].Name
	}
	return fmt.Errorf("%d routes %s: say which one is meant with --name: %s", len(routes), what, strings.Join(names, ", "))
}

func showChannel(c v1alpha1.Channel) string {
	switch {
	case c.Account == "":
		return c.Address
	case c.Address == "":
		return c.Account
	}
	return c.Account + ":" + c.Address
}

func showChannels(channels []v1alpha1.Channel) string {
	shown := make([]string, len(channels))
	for i, c := range channels {
		shown[i] = showChannel(c)
	}
	return strings.Join(shown, ",")
}
