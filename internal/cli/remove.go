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

// removeVerb is what one call of remove asks for.
type removeVerb struct {
	env     *environment
	writer  *writer
	account string
}

func newRemove(e *environment) *cobra.Command {
	v := &removeVerb{env: e}
	const form = "remove REPO [ADDRESS]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Stop telling a room, or all rooms, of a repository's builds",
		Long: `Stop telling a room, or all rooms, of a repository's builds.

The namespace's last route of a repository takes the repository's token with it, if the token was
made by this command line.`,
		Example: `  # Stop telling one room
  kubectl travis remove example/example example@conference.example.com

  # Stop telling all rooms, and forget the token
  kubectl travis remove example/example`,
		Args:              arguments(1, 2, form),
		ValidArgsFunction: completeRoute(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := v.writer.check(); err != nil {
				return err
			}
			if err := checkRepository(args[0]); err != nil {
				return err
			}
			c, namespace, err := e.connect()
			if err != nil {
				return err
			}
			return v.run(cmd.Context(), c, namespace, args)
		},
	}
	cmd.Flags().StringVar(&v.account, "account", "", "The account that speaks in the room, where several do.")
	v.writer = newWriter(e, cmd)
	return cmd
}

func (v *removeVerb) run(ctx context.Context, c client.Client, namespace string, args []string) error {
	repository := args[0]
	routes, err := listRoutes(ctx, c, namespace)
	if err != nil {
		return err
	}
	all := ofRepository(routes, repository)
	if len(all) == 0 {
		return fmt.Errorf("there is no route of %s in namespace %s", repository, namespace)
	}
	changes := make([]removal, 0, len(all))
	if len(args) == 1 {
		for i := range all {
			changes = append(changes, removal{before: &all[i]})
		}
	} else if changes = v.withoutRoom(all, args[1]); len(changes) == 0 {
		return fmt.Errorf("no route of %s in namespace %s tells the room %q", repository, namespace, args[1])
	}
	for _, change := range changes { // all of them first, so that nothing is half done
		if err := v.writer.ownedElsewhere(change.before, change.manifest()); err != nil {
			return err
		}
	}
	var tokens []corev1.Secret
	if left(all, changes) == 0 {
		if tokens, err = v.ownTokens(ctx, c, namespace, repository); err != nil {
			return err
		}
	}
	for _, change := range changes {
		if err := v.carryOut(ctx, c, change); err != nil {
			return err
		}
	}
	for i := range tokens {
		if err := v.writer.remove(ctx, c, withoutData(&tokens[i])); err != nil {
			return err
		}
	}
	return nil
}

// left is how many of the routes stay.
func left(routes []v1alpha1.TravisRoute, changes []removal) int {
	n := len(routes)
	for _, change := range changes {
		if change.after == nil {
			n--
		}
	}
	return n
}

func (v *removeVerb) carryOut(ctx context.Context, c client.Client, change removal) error {
	if change.after != nil {
		return v.writer.update(ctx, c, change.before, change.after)
	}
	return v.writer.remove(ctx, c, change.before)
}

// removal is a route that goes, or stays with fewer rooms.
type removal struct{ before, after *v1alpha1.TravisRoute }

func (r removal) manifest() client.Object {
	if r.after == nil {
		return nil
	}
	return r.after
}

// withoutRoom takes a room out of the routes.
func (v *removeVerb) withoutRoom(routes []v1alpha1.TravisRoute, address string) []removal {
	is := isChannel(v.account, address)
	var changes []removal
	for _, r := range withChannel(routes, v.account, address) {
		change := removal{before: &r}
		if after := r.DeepCopy(); !allOf(after.Spec.Channels, is) {
			after.Spec.Channels = slices.DeleteFunc(after.Spec.Channels, is)
			change.after = after
		}
		changes = append(changes, change)
	}
	return changes
}

func allOf(channels []v1alpha1.Channel, is func(v1alpha1.Channel) bool) bool {
	return !slices.ContainsFunc(channels, func(c v1alpha1.Channel) bool { return !is(c) })
}

// ownTokens are the repository's that this command line made. Others are somebody else's.
func (v *removeVerb) ownTokens(ctx context.Context, c client.Client, namespace, repository string) ([]corev1.Secret, error) {
	tokens, err := readTokens(ctx, c, namespace)
	if apierrors.IsForbidden(err) {
		v.env.note("note: you may not read Secrets in namespace %s: a token of %s, if there is one, stays", namespace, repository)
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
			v.env.note("note: Secret %s holds a token of %s and was not made by this command line: it stays", s.Name, repository)
		default:
			if err := v.writer.ownedElsewhere(s, nil); err != nil {
				return nil, err
			}
			own = append(own, *s)
		}
	}
	return own, nil
}
