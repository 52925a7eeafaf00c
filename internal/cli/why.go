package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/client"
	"github.com/travishook/travishook/internal/text"
)

// whyCommand holds the flags of why.
type whyCommand struct {
	*operatorFlags
	since string
}

func newWhy(e *environment) *cobra.Command {
	v := &whyCommand{}
	const form = "why REPO [BUILD]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupDeliveries,
		Short:   "Explain why a message was delivered or not: webhooks, matching routes, attempts",
		Long: `Explain why a message was delivered or not: webhooks, matching routes, attempts.

BUILD is a build's number, its ID, or the link in its message. With a link, you may omit REPO.`,
		Example: `  # The latest webhooks of a repository
  kubectl travis why example/example

  # One build, by its number or by the link in its message
  kubectl travis why example/example 123
  kubectl travis why https://app.travis-ci.com/github/example/example/builds/123456

  # Counts of the last seven days
  kubectl travis why example/example --since 7d`,
		Args:              arguments(1, 2, form),
		ValidArgsFunction: completeRepositories(e),
		RunE:              func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args) },
	}
	v.operatorFlags = newOperatorFlags(e, cmd)
	v.allNamespaces(cmd)
	cmd.Flags().StringVar(&v.since, "since", "", "Count deliveries over this period, such as 24h or 7d.")
	must(cmd.RegisterFlagCompletionFunc("since", cobra.FixedCompletions([]string{"1h", "24h", "7d"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (v *whyCommand) run(ctx context.Context, args []string) error {
	question, err := v.question(args)
	if err != nil {
		return err
	}
	c, namespace, err := v.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	question.Namespace = namespace
	why, err := c.Why(ctx, question)
	if err != nil {
		return v.explain(err)
	}
	switch {
	case v.structured():
		return v.env.dump(why, v.output)
	case why.Counts != nil:
		return v.env.showCounts(&why)
	}
	v.env.showWhy(&why)
	return nil
}

// question parses the arguments. The link to a build names the repository too.
func (v *whyCommand) question(args []string) (q client.Question, err error) {
	if len(args) == 1 && strings.Contains(args[0], "://") {
		build, err := deliveryapi.ParseBuild(args[0])
		if err != nil {
			return q, usage("%v", err)
		}
		args = []string{build.Repository, args[0]}
	}
	if err := checkRepository(args[0]); err != nil {
		return q, err
	}
	q.Repository = args[0]
	if len(args) == 2 {
		build, err := deliveryapi.ParseBuild(args[1])
		switch {
		case err != nil:
			return q, usage("%v", err)
		case build.Any():
			return q, usage("BUILD is empty: specify a build's number, ID or link")
		case build.Repository != "" && !strings.EqualFold(build.Repository, args[0]):
			return q, usage("the link is to a build of %s, not of %s", build.Repository, args[0])
		}
		q.Build = args[1]
	}
	if v.since != "" {
		q.Since, err = parseSpan(v.since)
	}
	return q, err
}

// parseSpan parses a duration, which may be in days.
func parseSpan(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 365 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	span, err := time.ParseDuration(text)
	if err != nil || span <= 0 {
		return 0, usage("--since %q is not a duration: write it as 90m, 24h or 7d", text)
	}
	return span, nil
}

// lines prints indented lines.
type lines func(indent int, format string, args ...any)

func (e *environment) lines() lines {
	return func(indent int, format string, args ...any) {
		fmt.Fprintf(e.Out, "%s%s\n", strings.Repeat("  ", indent), printable(fmt.Sprintf(format, args...)))
	}
}

// showWhy prints the findings, then the routes, then the webhooks.
func (e *environment) showWhy(w *deliveryapi.Why) {
	line := e.lines()
	if w.Missing > 0 {
		e.note("warning: %s did not answer: some webhooks and attempts may be missing", text.Count(w.Missing, "replica"))
	}
	for _, fact := range w.Facts {
		line(0, "%s", fact.Text)
	}
	if len(w.Facts) == 0 {
		line(0, "No problem found for %s.", w.Repository)
	}
	for _, r := range w.Routes {
		state := "ready"
		switch {
		case r.Suspended:
			state = "suspended"
		case !r.Ready:
			state = "not ready"
		}
		line(0, "route %s/%s: %s, events %s", r.Namespace, r.Name, state, r.Events)
		for _, problem := range r.Problems {
			if !containsText(w.Facts, problem) {
				line(1, "%s", problem)
			}
		}
	}
	for i := range w.Webhooks {
		showWebhook(line, &w.Webhooks[i])
	}
}

// containsText reports whether one of the facts includes text.
func containsText(facts []deliveryapi.Fact, text string) bool {
	return slices.ContainsFunc(facts, func(f deliveryapi.Fact) bool { return strings.Contains(f.Text, text) })
}

func showWebhook(line lines, h *deliveryapi.Webhook) {
	what := "webhook"
	if h.Event != "" {
		what = fmt.Sprintf("build %s (%s)", orID(h.Build, h.BuildID), h.Event)
	}
	line(0, "%s %s: %d, %s", h.Received.UTC().Format(time.RFC3339), what, h.Code, h.Answer)
	for _, v := range h.Routes {
		verdict := v.Detail
		if v.Matched && verdict == "" {
			verdict = "matched"
		}
		line(1, "route %s/%s: %s", v.Namespace, v.Route, verdict)
	}
	for i := range h.Deliveries {
		d := &h.Deliveries[i]
		line(1, "%s to %s: %s%s", short(d.ID), channelName(d.Account, d.Address), d.State, progress(d))
		for _, attempt := range d.History {
			text := fmt.Sprintf("%s: %s after %d ms", attempt.At.UTC().Format(time.RFC3339), attempt.Outcome, attempt.Milliseconds)
			if attempt.Reason != "" {
				text += ": " + attempt.Reason
			}
			line(2, "%s", text)
		}
	}
}

// orID returns a build's number, or its ID if it has none.
func orID(number string, id int64) string {
	if number == "" {
		return "ID " + strconv.FormatInt(id, 10)
	}
	return number
}

// progress returns the attempts of a delivery and what comes next.
func progress(d *deliveryapi.Delivery) string {
	var b strings.Builder
	if d.Attempts > 0 {
		b.WriteString(" after " + text.Count(d.Attempts, "attempt"))
	}
	if next := due(d); next != "" && d.State == deliveryapi.Waiting {
		b.WriteString(", next attempt " + next)
	}
	if d.LastReason != "" && len(d.History) == 0 {
		b.WriteString(": " + d.LastReason)
	}
	return b.String()
}

// showCounts prints a table of the channels, then the reasons.
func (e *environment) showCounts(w *deliveryapi.Why) error {
	if w.Missing > 0 {
		e.note("warning: %s did not answer: their latest deliveries are not counted", text.Count(w.Missing, "replica"))
	}
	fmt.Fprintf(e.Out, "%s since %s\n", w.Repository, w.Counts.From.UTC().Format(time.RFC3339))
	if len(w.Counts.Channels) == 0 {
		fmt.Fprintln(e.Out, "No event matched a route.")
	} else if err := e.countTable(w.Counts.Channels); err != nil {
		return err
	}
	line := e.lines()
	for _, c := range w.Counts.Channels {
		showReasons(line, fmt.Sprintf("%s/%s %s", c.Namespace, c.Route, channelName(c.Account, c.Address)), c.Reasons)
	}
	showReasons(line, "rejected webhooks", w.Counts.Rejected)
	return nil
}

func (e *environment) countTable(channels []deliveryapi.ChannelCount) error {
	t := newTable(e.Out, "NAMESPACE", "ROUTE", "CHANNEL", "MATCHED", "DELIVERED", "FAILED ATTEMPTS", "DEAD", "DROPPED")
	for _, c := range channels {
		t.row(c.Namespace, c.Route, channelName(c.Account, c.Address), strconv.Itoa(c.Matched), strconv.Itoa(c.Delivered),
			strconv.Itoa(c.Failed), strconv.Itoa(c.Dead), strconv.Itoa(c.Dropped))
	}
	return t.end()
}

// showReasons prints the most frequent reason first.
func showReasons(line lines, of string, reasons map[string]int) {
	sorted := slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		if reasons[a] != reasons[b] {
			return reasons[b] - reasons[a]
		}
		return strings.Compare(a, b)
	})
	for i, reason := range sorted {
		if i == 0 {
			line(0, "%s:", of)
		}
		line(1, "%d × %s", reasons[reason], reason)
	}
}
