package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/deliveryapi"
)

func newWhy(e *environment) *cobra.Command {
	var a *asker
	const form = "why REPO [BUILD]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupLook,
		Short:   "Tell why a message came or did not: each webhook, each route's verdict, each attempt",
		Example: `  # What became of a repository's webhooks
  kubectl travis why example/example

  # What became of one build
  kubectl travis why example/example 123`,
		Args:              arguments(1, 2, form),
		ValidArgsFunction: completeRoute(e),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkRepository(args[0]); err != nil {
				return err
			}
			c, namespace, err := a.connect()
			if err != nil {
				return err
			}
			build := ""
			if len(args) == 2 {
				build = strings.TrimPrefix(args[1], "#")
			}
			why, err := c.Why(cmd.Context(), namespace, args[0], build)
			if err != nil {
				return a.explain(err)
			}
			if a.structured() {
				return e.dump(why, a.output)
			}
			e.showWhy(&why)
			return nil
		},
	}
	a = newAsker(e, cmd)
	a.allNamespaces(cmd)
	return cmd
}

// showWhy tells first what there is to know, then the routes, then each webhook.
func (e *environment) showWhy(w *deliveryapi.Why) {
	say := func(indent int, format string, args ...any) {
		fmt.Fprintf(e.Out, "%s%s\n", strings.Repeat("  ", indent), printable(fmt.Sprintf(format, args...)))
	}
	for _, fact := range w.Facts {
		say(0, "%s", fact.Text)
	}
	if len(w.Facts) == 0 {
		say(0, "All is as it should be with %s.", w.Repository)
	}
	for _, r := range w.Routes {
		state := "ready"
		switch {
		case r.Suspended:
			state = "suspended"
		case !r.Ready:
			state = "not ready"
		}
		say(0, "route %s/%s wants %s, and is %s", r.Namespace, r.Name, r.Events, state)
		for _, problem := range r.Problems {
			if !said(w.Facts, problem) {
				say(1, "%s", problem)
			}
		}
	}
	for i := range w.Webhooks {
		showWebhook(say, &w.Webhooks[i])
	}
}

// said reports whether one of the facts has told a problem already.
func said(facts []deliveryapi.Fact, problem string) bool {
	return slices.ContainsFunc(facts, func(f deliveryapi.Fact) bool { return strings.Contains(f.Text, problem) })
}

func showWebhook(say func(int, string, ...any), h *deliveryapi.Webhook) {
	what := "a webhook"
	if h.Build != "" {
		what = "build " + h.Build + ", " + h.Event
	}
	say(0, "%s: %s: answered %d: %s", h.Received.UTC().Format(time.RFC3339), what, h.Code, h.Said)
	for _, v := range h.Routes {
		if v.Wanted {
			say(1, "route %s/%s wanted it", v.Namespace, v.Route)
		} else {
			say(1, "route %s/%s did not want it, by its %s: %s", v.Namespace, v.Route, v.Rule, v.Values)
		}
	}
	for i := range h.Deliveries {
		d := &h.Deliveries[i]
		say(1, "%s to %s: %s%s", short(d.ID), showRoom(d.Account, d.Address), d.State, after(d))
		for _, attempt := range d.History {
			line := fmt.Sprintf("%s: %s after %d ms", attempt.At.UTC().Format(time.RFC3339), attempt.Outcome, attempt.Milliseconds)
			if attempt.Reason != "" {
				line += ": " + attempt.Reason
			}
			say(2, "%s", line)
		}
	}
}

// after is what else is to be said of where a delivery stands.
func after(d *deliveryapi.Delivery) string {
	var b strings.Builder
	if d.Attempts > 0 {
		b.WriteString(", after " + count(d.Attempts, "attempt"))
	}
	if next := due(d); next != "" && d.State == deliveryapi.Waiting {
		b.WriteString(", the next " + next)
	}
	if d.LastReason != "" && len(d.History) == 0 {
		b.WriteString(": " + d.LastReason)
	}
	return b.String()
}
