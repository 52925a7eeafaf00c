package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// routeVerb is what one call of route asks for.
type routeVerb struct {
	env    *environment
	writer *writer

	repository string
	channel    v1alpha1.Channel
	// defaultAccount is who speaks where a channel names no account.
	defaultAccount string
	events         []v1alpha1.EventName
	buildTypes     []v1alpha1.BuildType

	name           string
	followDefaults bool
	types          []string
	branches       []string
	filter         string
}

func newRoute(e *environment) *cobra.Command {
	v := &routeVerb{env: e}
	const form = "route REPO ADDRESS [EVENTS…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Tell a room of a repository's builds, or change of which",
		Long: `Tell a room of a repository's builds, or change of which.

Without events, the defaults of this moment are written into the route: later defaults touch only
later routes, and calling it again sets a route back to them. With --follow-defaults they are left
out, and the route follows the defaults from then on.

The events are pending, passed, fixed, broken, failed, still_failing, errored and canceled, success
for passed, failure for broken, failed and errored, and '*' for all of them.`,
		Example: `  # Tell a room of example/example's builds, by the default account
  kubectl travis route example/example example@conference.example.com

  # Tell a Slack channel of the builds that fail, and of the first that passes again
  kubectl travis route example/example '#builds' failure fixed --account slack

  # The same for pushes to main and to release branches only
  kubectl travis route example/example '#builds' failure fixed --account slack --build-types push --branches main,release/*

  # Print the manifest, to commit it
  kubectl travis route example/example '#builds' --account slack --dry-run=client -o yaml`,
		Args:              arguments(2, -1, form),
		ValidArgsFunction: completeRoute(e),
		RunE:              func(cmd *cobra.Command, args []string) error { return v.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&v.channel.Account, "account", "", "The account that speaks in the room. Left out: the default account.")
	flags.StringVar(&v.name, "name", "", "The name of the TravisRoute. Left out: found by repository and room, or made of them.")
	flags.BoolVar(&v.followDefaults, "follow-defaults", false, "Let the route follow the defaults, also when they change.")
	flags.StringSliceVar(&v.types, "build-types", nil, "What must have made Travis build: push, pull_request, cron, api.")
	flags.StringSliceVar(&v.branches, "branches", nil, "Globs of which the branch must match one.")
	flags.StringVar(&v.filter, "filter", "", "A CEL expression that must be true of the event.")
	must(cmd.RegisterFlagCompletionFunc("build-types", cobra.FixedCompletions([]string{"push", "pull_request", "cron", "api"}, cobra.ShellCompDirectiveNoFileComp)))
	v.writer = newWriter(e, cmd)
	return cmd
}

func (v *routeVerb) run(cmd *cobra.Command, args []string) (err error) {
	if err := v.writer.check(); err != nil {
		return err
	}
	v.repository, v.channel.Address = args[0], args[1]
	if err := checkRepository(v.repository); err != nil {
		return err
	}
	if v.channel.Account == "" && v.channel.Address == "" {
		return usage("the room's address is empty: name the room, or the account whose Secret names one")
	}
	if v.events, err = parseEvents(args[2:]); err != nil {
		return err
	}
	if v.buildTypes, err = parseBuildTypes(v.types); err != nil {
		return err
	}
	if v.followDefaults && len(v.events) > 0 {
		return usage("either name events or use --follow-defaults")
	}
	c, namespace, err := v.env.connect()
	if err != nil {
		return err
	}
	return v.write(cmd.Context(), c, namespace)
}

func (v *routeVerb) write(ctx context.Context, c client.Client, namespace string) error {
	scene, err := v.env.look(ctx, c, namespace)
	if err != nil {
		return err
	}
	if len(v.events) == 0 && !v.followDefaults {
		if v.events, _, err = scene.defaultEvents(); err != nil {
			return err
		}
	}
	routes, err := listRoutes(ctx, c, namespace)
	if err != nil {
		return err
	}
	_, v.defaultAccount = scene.accounts()
	existing, err := v.existing(routes)
	if err != nil {
		return err
	}
	wanted := v.wanted(existing, namespace, routes)
	verdict := scene.judge(wanted)
	if !verdict.Accepted() {
		return usage("%s", verdict.Invalid[0].Message)
	}
	if existing == nil {
		err = v.writer.create(ctx, c, wanted)
	} else if err = v.writer.ownedElsewhere(existing, wanted); err == nil {
		err = v.writer.update(ctx, c, existing, wanted)
	}
	if err != nil {
		return err
	}
	v.remind(scene, wanted)
	return nil
}

// existing is the route that is meant, nil where there is none yet.
func (v *routeVerb) existing(routes []v1alpha1.TravisRoute) (*v1alpha1.TravisRoute, error) {
	if v.name != "" {
		i := slices.IndexFunc(routes, func(r v1alpha1.TravisRoute) bool { return r.Name == v.name })
		if i < 0 {
			return nil, nil
		}
		if len(ofRepository(routes[i:i+1], v.repository)) == 0 {
			return nil, fmt.Errorf("the route %s is of the repository %s: choose another --name", v.name, routes[i].Spec.Repository)
		}
		return &routes[i], nil
	}
	found := slices.DeleteFunc(ofRepository(routes, v.repository), func(r v1alpha1.TravisRoute) bool {
		return !slices.ContainsFunc(r.Spec.Channels, v.isRoom)
	})
	switch {
	case len(found) == 0:
		return nil, nil
	case len(found) > 1:
		return nil, ambiguous(found, "tell that room of "+v.repository)
	case len(found[0].Spec.Channels) > 1:
		return nil, fmt.Errorf("the route %s tells other rooms too (%s): change it for all of them with --name %[1]s, or take this room out first with kubectl travis remove",
			found[0].Name, showChannels(found[0].Spec.Channels))
	}
	return &found[0], nil
}

// isRoom reports whether a channel is the room that is meant, by whichever name of its account.
func (v *routeVerb) isRoom(c v1alpha1.Channel) bool {
	return c.Address == v.channel.Address && cmp.Or(c.Account, v.defaultAccount) == cmp.Or(v.channel.Account, v.defaultAccount)
}

// wanted is the route as it is to be.
func (v *routeVerb) wanted(existing *v1alpha1.TravisRoute, namespace string, routes []v1alpha1.TravisRoute) *v1alpha1.TravisRoute {
	r := existing.DeepCopy()
	if r == nil {
		r = &v1alpha1.TravisRoute{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v.name}}
		r.Spec.Repository = v.repository
	}
	if r.Name == "" {
		r.Name = freeName(func(name string) bool {
			return slices.ContainsFunc(routes, func(o v1alpha1.TravisRoute) bool { return o.Name == name })
		}, v.repository, v.channel.Account, v.channel.Address)
	}
	if !slices.ContainsFunc(r.Spec.Channels, v.isRoom) {
		r.Spec.Channels = append(r.Spec.Channels, v.channel)
	}
	r.Spec.Events = v.events
	if len(v.buildTypes) > 0 {
		r.Spec.BuildTypes = v.buildTypes
	}
	if len(v.branches) > 0 {
		r.Spec.Branches = &v1alpha1.Branches{}
		for _, glob := range v.branches {
			r.Spec.Branches.Include = append(r.Spec.Branches.Include, v1alpha1.Glob(glob))
		}
	}
	if v.filter != "" {
		r.Spec.Filter = v.filter
	}
	return r
}

// remind tells what is still missing before messages come, and what may not be as meant.
func (v *routeVerb) remind(s *scene, r *v1alpha1.TravisRoute) {
	verdict := s.judge(r)
	for _, warning := range verdict.Warnings {
		v.env.note("warning: %s", warning)
	}
	token, others := s.missing(verdict)
	for _, other := range others {
		v.env.note("note: %s", other)
	}
	if token {
		v.env.note("note: nothing vouches for %s in namespace %s yet, so its builds are not believed: give it a token with kubectl travis token -n %[2]s %[1]s",
			r.Spec.Repository, r.Namespace)
	}
}
