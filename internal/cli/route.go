package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// routeCommand holds the arguments and flags of route.
type routeCommand struct {
	env    *environment
	writer *writer
	flags  *pflag.FlagSet

	repository string
	channel    v1alpha1.Channel
	// defaultAccount applies to channels that name no account.
	defaultAccount string
	events         []v1alpha1.EventName
	buildTypes     []v1alpha1.BuildType

	name           string
	followDefaults bool
	types          []string
	branches       []string
	filter         string
	message        messageFlags
}

func newRoute(e *environment) *cobra.Command {
	v := &routeCommand{env: e}
	const form = "route REPO [ADDRESS] [EVENTS…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Announce the builds of a repository in a channel, or change which builds",
		Long: `Announce the builds of a repository in a channel, or change which builds.

ADDRESS is the channel's address within the account's service, such as '#builds'. Omit it if the
account's Secret determines the channel, as the URL of an incoming webhook does.

Without EVENTS, the command writes the current default events into the route. If the defaults change
later, the route stays as it is; run the command again to reset its events to the current defaults. With
--follow-defaults, the route lists no events and always uses the defaults.

The events are pending, passed, fixed, broken, failed, still_failing, errored and canceled; success
is passed, failure is broken, failed and errored, and '*' is every event.`,
		Example: `  # Announce the builds of example/example in an XMPP room, with the default account
  kubectl travis route example/example example@conference.example.com

  # Announce failures and recoveries in a Slack channel
  kubectl travis route example/example '#builds' failure fixed --account slack

  # The same for pushes to main and release branches only
  kubectl travis route example/example '#builds' failure fixed --account slack --build-types push --branches main,release/*

  # Print the manifest, to commit it to Git
  kubectl travis route example/example '#builds' --account slack --dry-run=client -o yaml`,
		Args:              arguments(1, -1, form),
		ValidArgsFunction: completeRoute(e),
		RunE:              func(cmd *cobra.Command, args []string) error { return v.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&v.channel.Account, "account", "", "The account that sends to the channel. Default: the default account.")
	flags.StringVar(&v.channel.Address, "address", "", "The channel's address, if the argument could be mistaken for an event.")
	flags.StringVar(&v.name, "name", "", "The name of the TravisRoute. Default: the existing route of the channel, or a name derived from repository and channel.")
	flags.BoolVar(&v.followDefaults, "follow-defaults", false, "Always use the default events.")
	flags.StringSliceVar(&v.types, "build-types", nil, "Only builds of these types: push, pull_request, cron, api. Empty: all.")
	flags.StringSliceVar(&v.branches, "branches", nil, "Only builds of branches that match one of these globs. Empty: all.")
	flags.StringVar(&v.filter, "filter", "", "Only events for which this CEL expression is true. Empty: all.")
	v.message.add(cmd)
	must(cmd.RegisterFlagCompletionFunc("build-types", cobra.FixedCompletions([]string{"push", "pull_request", "cron", "api"}, cobra.ShellCompDirectiveNoFileComp)))
	completeAccounts(e, cmd)
	v.writer = newWriter(e, cmd)
	return cmd
}

func (v *routeCommand) run(cmd *cobra.Command, args []string) (err error) {
	if err := v.writer.check(); err != nil {
		return err
	}
	v.flags, v.repository = cmd.Flags(), args[0]
	if err := checkRepositoryPattern(v.repository); err != nil {
		return err
	}
	events := args[1:]
	if !v.flags.Changed("address") && len(events) > 0 && !allEvents(events) {
		if near := misspelledEvent(events[0]); near != "" {
			return usage("unknown event %q; did you mean %s? If it is the channel's address, write --address %[1]s", events[0], near)
		}
		v.channel.Address, events = events[0], events[1:]
	}
	if v.events, err = parseEvents(events, "choose build types with --build-types, which sets spec.buildTypes"); err != nil {
		return err
	}
	if v.buildTypes, err = parseBuildTypes(v.types); err != nil {
		return err
	}
	if err := v.message.check(); err != nil {
		return err
	}
	if v.followDefaults && len(v.events) > 0 {
		return usage("use either EVENTS or --follow-defaults")
	}
	c, namespace, err := v.writer.connect(cmd.Context())
	if err != nil {
		return err
	}
	return v.write(cmd.Context(), c, namespace)
}

func (v *routeCommand) write(ctx context.Context, c client.Client, namespace string) error {
	snapshot, routes, err := v.read(ctx, c, namespace)
	if err != nil {
		return err
	}
	if len(v.events) == 0 && !v.followDefaults {
		if v.events, _, err = snapshot.defaultEvents(); err != nil {
			return fmt.Errorf("the default events are %w: name the events, or use --follow-defaults", err)
		}
	}
	_, v.defaultAccount = snapshot.accounts()
	if v.channel.Address == "" {
		if v.channel.Account = cmp.Or(v.channel.Account, v.defaultAccount); v.channel.Account == "" {
			return usage("the channel's address is missing: specify ADDRESS, or --account if the account's Secret determines the channel")
		}
	}
	existing, err := v.existing(routes)
	if err != nil {
		return err
	}
	wanted := v.wanted(existing, namespace, routes)
	verdict := snapshot.compile(wanted)
	if !verdict.Accepted() {
		return usage("%s", verdict.Invalid[0].Message)
	}
	if existing == nil {
		err = v.writer.create(ctx, c, wanted)
	} else if err = v.writer.checkOwner(existing, wanted); err == nil {
		err = v.writer.update(ctx, c, existing, wanted)
	}
	if err != nil {
		return err
	}
	v.printNotes(snapshot, wanted)
	return nil
}

// read returns the snapshot and the routes of the namespace; empty ones without a client.
func (v *routeCommand) read(ctx context.Context, c client.Client, namespace string) (*snapshot, []v1alpha1.TravisRoute, error) {
	if c == nil {
		s := v.env.emptySnapshot()
		s.offline = true
		return s, nil, nil
	}
	s, err := v.env.snapshot(ctx, c, namespace)
	if err != nil {
		return nil, nil, err
	}
	routes, err := listRoutes(ctx, c, namespace)
	return s, routes, err
}

// existing returns the route to change, nil if there is none yet.
func (v *routeCommand) existing(routes []v1alpha1.TravisRoute) (*v1alpha1.TravisRoute, error) {
	if v.name != "" {
		i := slices.IndexFunc(routes, func(r v1alpha1.TravisRoute) bool { return r.Name == v.name })
		if i < 0 {
			return nil, nil
		}
		if len(ofRepository(routes[i:i+1], v.repository)) == 0 {
			return nil, fmt.Errorf("route %s is for repository %s: choose another --name", v.name, routes[i].Spec.Repository)
		}
		return &routes[i], nil
	}
	found := withChannel(ofRepository(routes, v.repository), v.isChannel)
	switch {
	case len(found) == 0:
		return nil, nil
	case len(found) > 1:
		return nil, ambiguousError(found, "announce "+v.repository+" in this channel")
	case len(found[0].Spec.Channels) > 1:
		return nil, fmt.Errorf("route %s has other channels too (%s): change all of them with --name %[1]s, or first remove this channel with kubectl travis remove",
			found[0].Name, showChannels(found[0].Spec.Channels))
	}
	return &found[0], nil
}

// isChannel reports whether c is the channel of the command line; the default account may be named
// or not.
func (v *routeCommand) isChannel(c v1alpha1.Channel) bool {
	return c.Address == v.channel.Address && cmp.Or(c.Account, v.defaultAccount) == cmp.Or(v.channel.Account, v.defaultAccount)
}

// wanted returns the route as it should be.
func (v *routeCommand) wanted(existing *v1alpha1.TravisRoute, namespace string, routes []v1alpha1.TravisRoute) *v1alpha1.TravisRoute {
	r := existing.DeepCopy()
	if r == nil {
		r = &v1alpha1.TravisRoute{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v.name}}
		r.Spec.Repository = v.repository
	}
	if r.Name == "" {
		r.Name = freeName(func(name string) bool { return slices.Contains(routeNames(routes), name) },
			v.repository, v.channel.Account, v.channel.Address)
	}
	if !slices.ContainsFunc(r.Spec.Channels, v.isChannel) {
		r.Spec.Channels = append(r.Spec.Channels, v.channel)
	}
	r.Spec.Events = v.events
	v.setConditions(&r.Spec)
	return r
}

// setConditions sets the conditions whose flags are set. An empty flag removes the condition.
func (v *routeCommand) setConditions(spec *v1alpha1.TravisRouteSpec) {
	if v.flags.Changed("build-types") {
		spec.BuildTypes = v.buildTypes
	}
	if v.flags.Changed("filter") {
		spec.Filter = v.filter
	}
	spec.Message = v.message.apply(v.flags, spec.Message)
	if !v.flags.Changed("branches") {
		return
	}
	var include []v1alpha1.Glob
	for _, glob := range v.branches {
		include = append(include, v1alpha1.Glob(glob))
	}
	spec.Branches = nil
	if len(include) > 0 {
		spec.Branches = &v1alpha1.Branches{Include: include}
	}
}

// printNotes prints what is missing before messages are delivered, and the compiler's warnings.
func (v *routeCommand) printNotes(s *snapshot, r *v1alpha1.TravisRoute) {
	verdict := s.compile(r)
	for _, warning := range verdict.Warnings {
		v.env.note("warning: %s", warning)
	}
	token, others := s.missing(verdict)
	for _, other := range others {
		v.env.note("note: %s", other)
	}
	if token {
		v.env.note("note: no token or grant for %s in namespace %s: webhooks are rejected until you run kubectl travis token -n %[2]s %[1]s",
			r.Spec.Repository, r.Namespace)
	}
}
