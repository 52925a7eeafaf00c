package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/cli/lint"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/internal/travis"
)

// renderCommand holds the flags of render.
type renderCommand struct {
	env     *environment
	files   []string
	payload string
	events  []string
	output  string
}

func newRender(e *environment) *cobra.Command {
	v := &renderCommand{env: e}
	const form = "render [ROUTE…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupFiles,
		Short:   "Print what a route sends for sample events or a captured payload",
		Example: `  # The messages of a route in the cluster
  kubectl travis render example

  # The messages of a route in a file for builds that break
  kubectl travis render -f route.yaml --event broken

  # The message for a captured webhook: JSON, a form, or a whole request
  kubectl travis render example --payload webhook.json`,
		Args:              arguments(0, -1, form),
		ValidArgsFunction: completeRouteNames(e),
		RunE:              func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&v.files, "filename", "f", nil, "Files or folders with manifests, or - for standard input. Then no cluster is used.")
	flags.StringVar(&v.payload, "payload", "", "A file with a captured webhook, or - for standard input.")
	flags.StringSliceVar(&v.events, "event", nil, "Only these events.")
	flags.StringVarP(&v.output, "output", "o", "text", "Output format: text, json or yaml.")
	must(cmd.RegisterFlagCompletionFunc("event", completeEvents))
	completeOutput(cmd, "text", "json", "yaml")
	return cmd
}

func (v *renderCommand) run(ctx context.Context, names []string) error {
	if !slices.Contains([]string{"text", "json", "yaml"}, v.output) {
		return usage("--output must be text, json or yaml, not %q", v.output)
	}
	events, err := parseEvents(v.events, "render shows samples of every build type")
	if err != nil {
		return err
	}
	wanted, err := routing.ParseEvents(events)
	if err != nil {
		return err
	}
	table, routes, err := v.load(ctx, names)
	if err != nil {
		return err
	}
	if len(routes) == 0 {
		return errors.New("no routes to render")
	}
	samples := render.Samples()
	if v.payload != "" {
		captured, err := v.captured()
		if err != nil {
			return err
		}
		samples = []render.Sample{{Name: "build " + captured.Build.Number, Event: *captured}}
	}
	var all []rendering
	for _, key := range routes {
		route, ok := table.Route(key.Namespace, key.Name)
		if !ok {
			continue
		}
		for _, sample := range samples {
			if wanted == 0 || wanted.Has(sample.Event.Build.Result) {
				all = append(all, v.one(table, route, sample))
			}
		}
	}
	if v.output != "text" {
		return v.env.dump(all, v.output)
	}
	v.show(all)
	return nil
}

// load compiles the chosen routes, from files or from the cluster.
func (v *renderCommand) load(ctx context.Context, names []string) (*routing.Table, []types.NamespacedName, error) {
	if len(v.files) > 0 {
		return v.loadFiles(names)
	}
	c, namespace, err := v.env.connect()
	if err != nil {
		return nil, nil, err
	}
	s, err := v.env.snapshot(ctx, c, namespace)
	if err != nil {
		return nil, nil, err
	}
	routes, err := listRoutes(ctx, c, namespace)
	if err != nil {
		return nil, nil, err
	}
	if len(names) == 0 {
		names = routeNames(routes)
	}
	var keys []types.NamespacedName
	for _, name := range names {
		r, err := routeByName(routes, namespace, name)
		if err != nil {
			return nil, nil, err
		}
		s.compiler.PutRoute(r)
		keys = append(keys, types.NamespacedName{Namespace: namespace, Name: name})
	}
	return s.compiler.Table(), keys, nil
}

func (v *renderCommand) loadFiles(names []string) (*routing.Table, []types.NamespacedName, error) {
	files, err := v.env.readManifests(v.files)
	if err != nil {
		return nil, nil, err
	}
	compiler := newCompiler(v.env.operatorNamespace)
	result, err := lint.Check(files, compiler, "default")
	if err != nil {
		return nil, nil, err
	}
	if n := result.Errors(); n > 0 {
		v.env.note("note: kubectl travis lint finds %s in these files", text.Count(n, "error"))
	}
	if len(names) == 0 {
		return compiler.Table(), result.Routes, nil
	}
	var known []string
	for _, key := range result.Routes {
		known = append(known, key.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, nil, fmt.Errorf("no route %q in these files%s", name, suggestion(name, known))
		}
	}
	return compiler.Table(), slices.DeleteFunc(result.Routes, func(key types.NamespacedName) bool { return !slices.Contains(names, key.Name) }), nil
}

// rendering is the message of a route for an event.
type rendering struct {
	Route    string       `json:"route"`
	Event    string       `json:"event"`
	Sent     bool         `json:"sent"`
	Reason   string       `json:"reason,omitempty"` // why nothing is sent
	Channels []string     `json:"channels,omitempty"`
	Level    notify.Level `json:"level,omitempty"`
	Text     string       `json:"text,omitempty"`
	Fault    string       `json:"fault,omitempty"` // of the template: the default text is sent
}

func (v *renderCommand) one(table *routing.Table, route *routing.Route, sample render.Sample) rendering {
	event := sample.Event
	if v.payload == "" {
		event.Repository.Owner, event.Repository.Name, _ = strings.Cut(sampleOf(route.Repository), "/")
	}
	r := rendering{Route: route.Namespace + "/" + route.Name, Event: sample.Name}
	if r.Reason = mismatch(table, route, &event); r.Reason != "" {
		return r
	}
	var template *render.Template
	if m := route.Message; m != nil {
		var err error
		if template, err = render.Compile(m.Text, render.Syntax(m.Syntax)); err != nil {
			template = render.Failing(err)
		}
	}
	message, err := render.Message(template, event)
	if err != nil {
		r.Fault = err.Error()
	}
	r.Sent, r.Level, r.Text = true, message.Level, message.Text
	for _, target := range route.Targets {
		r.Channels = append(r.Channels, channelName(target.Account, target.Address))
	}
	return r
}

// sampleOf returns a repository that a pattern matches.
func sampleOf(repository string) string {
	return strings.NewReplacer("*", "example", "?", "x").Replace(repository)
}

// mismatch returns why the route does not match the event, empty if it does.
func mismatch(table *routing.Table, route *routing.Route, event *travis.Event) string {
	if !announces(route.Repository, event.Repository.Slug()) {
		return fmt.Sprintf("the route is for %s, the event of %s", route.Repository, event.Repository.Slug())
	}
	repository, ok := table.Repository(event.Repository.Slug())
	if !ok {
		return "the route is not accepted"
	}
	for _, namespace := range repository.Namespaces {
		for _, x := range namespace.Explain(event) {
			if x.Namespace == route.Namespace && x.Route == route.Name && !x.Matched() {
				return x.Detail
			}
		}
	}
	return ""
}

func (v *renderCommand) show(all []rendering) {
	var last rendering
	for i, r := range all {
		if i == 0 || r.Route != last.Route {
			if i > 0 {
				fmt.Fprintln(v.env.Out)
			}
			fmt.Fprintf(v.env.Out, "TravisRoute %s\n\n", r.Route)
		} else if r.Sent || last.Sent {
			fmt.Fprintln(v.env.Out)
		}
		v.env.showRendering(r)
		last = r
	}
}

func (e *environment) showRendering(r rendering) {
	if !r.Sent {
		fmt.Fprintf(e.Out, "  %s: not sent: %s\n", r.Event, printable(r.Reason))
		return
	}
	fmt.Fprintf(e.Out, "  %s, to %s:\n", r.Event, printable(strings.Join(r.Channels, ", ")))
	for line := range strings.SplitSeq(r.Text, "\n") {
		fmt.Fprintf(e.Out, "    %s\n", printable(line))
	}
	if r.Fault != "" {
		fmt.Fprintf(e.Out, "    (this is the default text, because the template fails: %s)\n", printable(r.Fault))
	}
}
