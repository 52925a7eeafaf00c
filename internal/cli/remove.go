package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// removeCommand holds the arguments and flags of remove.
type removeCommand struct {
	env     *environment
	writer  *writer
	account string
}

func newRemove(e *environment) *cobra.Command {
	v := &removeCommand{env: e}
	const form = "remove REPO [ADDRESS]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Stop announcing a repository in a channel, or in all channels",
		Long: `Stop announcing a repository in a channel, or in all channels.

Removing the last route of a repository in the namespace also deletes the repository's token, if
kubectl travis token or kubectl travis import created it.`,
		Example: `  # Remove one channel
  kubectl travis remove example/example example@conference.example.com

  # Remove all channels of the repository, and its token
  kubectl travis remove example/example`,
		Args:              arguments(1, 2, form),
		ValidArgsFunction: completeRoute(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := v.writer.check(); err != nil {
				return err
			}
			if err := checkRepositoryPattern(args[0]); err != nil {
				return err
			}
			c, namespace, err := v.writer.connect(cmd.Context())
			if err != nil {
				return err
			}
			if c == nil {
				e.note("note: it would remove these channels from the routes of %s in namespace %s; without a cluster, the routes are not known", args[0], namespace)
				return v.writer.unread(namespace, nil)
			}
			return v.run(cmd.Context(), c, namespace, args)
		},
	}
	cmd.Flags().StringVar(&v.account, "account", "", "Only channels of this account.")
	completeAccounts(e, cmd)
	v.writer = newWriter(e, cmd)
	return cmd
}

func (v *removeCommand) run(ctx context.Context, c client.Client, namespace string, args []string) error {
	repository := args[0]
	routes, err := listRoutes(ctx, c, namespace)
	if err != nil {
		return err
	}
	all := ofRepository(routes, repository)
	if len(all) == 0 {
		return fmt.Errorf("no route for %s in namespace %s%s", repository, namespace, suggestion(repository, repositories(routes)))
	}
	changes := v.changes(all, args[1:])
	if len(changes) == 0 {
		return v.noChannel(all, namespace, repository, args[1:])
	}
	if err := v.writer.checkOwners(changes); err != nil { // before the tokens are read, so that nothing is done by half
		return err
	}
	var tokens []corev1.Secret
	if remaining(all, changes) == 0 {
		if tokens, err = v.ownTokens(ctx, c, namespace, repository); err != nil {
			return err
		}
	}
	if err := v.writer.applyAll(ctx, c, changes); err != nil {
		return err
	}
	for i := range tokens {
		if err := v.writer.remove(ctx, c, withoutData(&tokens[i])); err != nil {
			return err
		}
	}
	return nil
}

// changes removes the channels on the command line from the routes.
func (v *removeCommand) changes(routes []v1alpha1.TravisRoute, address []string) []routeChange {
	fits := func(c v1alpha1.Channel) bool {
		return (len(address) == 0 || c.Address == address[0]) && (v.account == "" || c.Account == v.account)
	}
	var changes []routeChange
	for _, r := range withChannel(routes, fits) {
		change := routeChange{before: &r}
		if after := r.DeepCopy(); len(address) > 0 || v.account != "" {
			if after.Spec.Channels = slices.DeleteFunc(after.Spec.Channels, fits); len(after.Spec.Channels) > 0 {
				change.after = after
			}
		}
		changes = append(changes, change)
	}
	return changes
}

func (v *removeCommand) noChannel(routes []v1alpha1.TravisRoute, namespace, repository string, address []string) error {
	var known []string
	for i := range routes {
		for _, c := range routes[i].Spec.Channels {
			known = append(known, showChannel(c))
		}
	}
	wanted := channelName(v.account, "")
	if len(address) > 0 {
		wanted = channelName(v.account, address[0])
	}
	return fmt.Errorf("no route for %s in namespace %s has the channel %q%s", repository, namespace, wanted, suggestion(wanted, known))
}

// remaining counts the routes that are left after the changes.
func remaining(routes []v1alpha1.TravisRoute, changes []routeChange) int {
	n := len(routes)
	for _, change := range changes {
		if change.after == nil {
			n--
		}
	}
	return n
}

// ownTokens returns the repository's token Secrets that the plugin created.
func (v *removeCommand) ownTokens(ctx context.Context, c client.Client, namespace, repository string) ([]corev1.Secret, error) {
	tokens, err := readTokens(ctx, c, namespace)
	if apierrors.IsForbidden(err) {
		v.env.note("note: you may not list Secrets in namespace %s: a token of %s is kept if there is one", namespace, repository)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var own []corev1.Secret
	for i := range tokens {
		s := &tokens[i]
		switch {
		case !isTokenOf(s, repository):
		case s.Labels[labelManagedBy] != manager:
			v.env.note("note: Secret %s has a token of %s and was not created by kubectl travis: it is kept", s.Name, repository)
		default:
			if err := v.writer.checkOwner(s, nil); err != nil {
				return nil, err
			}
			own = append(own, *s)
		}
	}
	return own, nil
}
