package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// print writes the verdict as a table, and what was wrong below it.
func (v *verdict) print(w io.Writer) error {
	fmt.Fprintf(w, "%s:\n", v.Run)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range v.rows() {
		fmt.Fprintf(t, "%d\t  %s\n", row.n, row.what)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, fault := range v.Faults {
		fmt.Fprintln(w, fault)
	}
	if v.right() {
		_, err := fmt.Fprintln(w, "Every promise was kept.")
		return err
	}
	_, err := fmt.Fprintf(w, "%d faults.\n", len(v.Faults))
	return err
}

type row struct {
	n    int
	what string
}

func (v *verdict) rows() []row {
	return []row{
		{v.Kills, "processes killed"},
		{v.Unborn, "of these before they took webhooks"},
		{v.Servers, "NATS servers killed"},
		{v.Outages, "times two or all of them at once: then nothing can be stored"},
		{v.Barred, "processes that ended while they began, for the NATS servers did not answer"},
		{v.Counts.Posts, "webhooks posted"},
		{v.Counts.Stored, "answered 202"},
		{v.Counts.Unanswered, "not answered, because the process was killed; posted again"},
		{v.Counts.Unavailable, "answered 503; posted again"},
		{v.Counts.Seen, "answered 204 then, because they had been stored"},
		{v.Promised, "events promised, by 202 or by that 204"},
		{v.Deliveries, "deliveries promised"},
		{v.Delivered, "delivered"},
		{v.Superseded, "superseded by a newer state of the build, in channels with faults"},
		{v.Unsaid, "of these known by the newer one only: the process was killed before it could say so"},
		{v.Dead, "dead, refused by the channel: kept and shown"},
		{v.Waiting, "still waiting at the end"},
		{v.Lost, "LOST"},
		{v.Repeated.ByChannel, "duplicates after the channel took a message and gave no answer"},
		{v.Repeated.ByDeath, "duplicates after the process died between answer and outcome"},
		{v.Repeated.ByLease, "duplicates after a lease ran out between answer and outcome"},
		{v.Repeated.Unexplained, "duplicates without such a reason"},
		{v.Edited, "edits of a build's message"},
		{v.Orphans, "messages that show an older state, because the answer or the outcome was lost with their process"},
		{v.Disordered, "out of order within their build"},
		{v.Forgotten, "outcomes forgotten after the store had answered for them"},
	}
}
