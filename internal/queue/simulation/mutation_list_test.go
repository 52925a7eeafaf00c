package simulation

// mutation is a bug to plant: code of a file, and what stands there instead. Some were in the product
// once, found by the soak test, a review or the simulation; the others are possible mistakes. What only takes
// space, as garbage that is trimmed late, is found by the engine's tests: the simulation stores little, and asks
// for no room after its end.
type mutation struct{ name, file, code, instead string }

var mutations = []mutation{
	{
		name:    "an append that was not answered counts as stored",
		file:    "internal/queue/engine/commit.go",
		code:    "\tcase err != nil:\n\t\treturn e.fail(fmt.Errorf(\"append to journal: %w\", err))\n",
		instead: "\tcase err != nil:\n\t\tseq = e.last + 1\n",
	},
	{
		name:    "an event is confirmed before it is stored",
		file:    "internal/queue/engine/accept.go",
		code:    "\tcase <-r.done:\n\tcase <-ctx.Done():\n\t\treturn ctx.Err() // the",
		instead: "\tcase <-r.done:\n\tdefault:\n\t\treceipt.Stored = append(receipt.Stored, namespace)\n\t\treturn nil // the",
	},
	{
		name:    "an outcome is confirmed before it is stored",
		file:    "internal/queue/engine/settle.go",
		code:    "if err := r.wait(ctx); !errors.Is(err, queue.ErrUnavailable) {",
		instead: "if err := error(nil); !errors.Is(err, queue.ErrUnavailable) {",
	},
	{
		name:    "what is new of an event is not decided again after a conflict",
		file:    "internal/queue/engine/accept.go",
		code:    "\tif r.remote == e.remote {",
		instead: "\tif r.remote <= e.remote {",
	},
	{
		name:    "one event is stored by two callers at once",
		file:    "internal/queue/engine/accept.go",
		code:    "\t\tif !taken {\n\t\t\tmine",
		instead: "\t\tif !taken || other != nil {\n\t\t\tmine",
	},
	{
		name:    "an attempt goes on after the shard was lost",
		file:    "internal/queue/engine/shards.go",
		code:    "\t\tclose(l.ended)\n",
		instead: "\t\t_ = l.ended\n",
	},
	{
		name:    "a lease counts for longer than it lasts",
		file:    "internal/queue/cluster/member.go",
		code:    "return m.leases.TTL() / 4 * 3 }",
		instead: "return m.leases.TTL() * 2 }",
	},
	{
		name:    "a replica that is missing in an old list counts as dead",
		file:    "internal/queue/cluster/member.go",
		code:    "\t\tcase err == nil:\n\t\t\tdead",
		instead: "\t\tcase err == nil || errors.Is(err, ErrHeld):\n\t\t\tdead",
	},
	{
		name:    "a replica whose lease has expired never gets another",
		file:    "internal/queue/cluster/shards.go",
		code:    "\ts.lease, s.leaving = \"\", map[int]*leaving{}",
		instead: "\ts.leaving = map[int]*leaving{}",
	},
	{
		name:    "a shard is released while attempts are under way",
		file:    "internal/queue/cluster/shards.go",
		code:    "\t\tif s.engine.SetSends(shard, false) > 0 {",
		instead: "\t\tif s.engine.SetSends(shard, false) < 0 {",
	},
	{
		name:    "a shard is released while its account is logged in",
		file:    "internal/queue/cluster/shards.go",
		code:    "\t\t\tif time.Now().After(l.deadline) {",
		instead: "\t\t\tif time.Now().Before(l.deadline) {",
	},
	{
		name:    "a shard stays with a replica that has died",
		file:    "internal/queue/cluster/member.go",
		code:    "\t\tcase err == nil:\n\t\t\tdead = append(dead, lease)",
		instead: "\t\tcase err == nil:",
	},
	{
		name:    "the log's beginning is dropped without a copy of what is alive",
		file:    "internal/queue/engine/trim.go",
		code:    "\t\t\terr = e.appendAll(entries)\n",
		instead: "\t\t\t_ = entries\n",
	},
	{
		name:    "what is alive counts as copied after a conflict",
		file:    "internal/queue/engine/trim.go",
		code:    "\t\te.pass.budget = max(e.pass.budget/2, minCarry)\n",
		instead: "\t\treturn next, e.follow()\n",
	},
	{
		name:    "a replica that was disconnected sends while it reads the log again",
		file:    "internal/queue/engine/follow.go",
		code:    "= fresh, true, 0",
		instead: "= fresh, false, 0",
	},
	{
		name:    "a replica that was away keeps its old state",
		file:    "internal/queue/engine/follow.go",
		code:    "\te.state, e.rereading, e.missing = fresh, true, 0",
		instead: "\t_, e.rereading, e.missing = fresh, true, 0",
	},
	{
		name:    "a delivered message is sent again when the log is read again",
		file:    "internal/queue/engine/follow.go",
		code:    " || e.updates != nil && len(e.leases) > 0 {",
		instead: " {",
	},
	{
		name:    "what a fast clock has accepted waits",
		file:    "internal/queue/engine/clock.go",
		code:    "\treturn at.Sub(now) > slack\n",
		instead: "\treturn at.IsZero() && false\n",
	},
	{
		name:    "deliveries wait for a clock that was set back",
		file:    "internal/queue/engine/clock.go",
		code:    ".String())\n\t\te.clampDueTimes(now)",
		instead: ".String())",
	},
	{
		name:    "a jump of the clock forgets what was seen",
		file:    "internal/queue/engine/clock.go",
		code:    "\treturn now.Add(-e.time.ahead())",
		instead: "\treturn now",
	},
	{
		name:    "what was seen is not copied when the log is trimmed",
		file:    "internal/queue/journal/carry.go",
		code:    "\tif !ok || c.known[b] || b.origin != seq && !b.changed {",
		instead: "\tif ok || c.known[b] {",
	},
	{
		name:    "a channel sends two at a time",
		file:    "internal/queue/journal/take.go",
		code:    "\td.state, c.underway, f.destination.underway = sending, a, a\n",
		instead: "\td.state = sending\n",
	},
	{
		name:    "the events of a build come in reverse",
		file:    "internal/queue/journal/channel.go",
		code:    "\tfor *slot != nil && (*slot).before(d) {",
		instead: "\tfor *slot != nil && !(*slot).before(d) {",
	},
	{
		name:    "a lost answer counts as delivered",
		file:    "internal/dispatch/outcome.go",
		code:    "\tcase notify.IsAnswerLost(err):\n\t\treturn errorClass{kind: queue.Retry",
		instead: "\tcase notify.IsAnswerLost(err):\n\t\treturn errorClass{kind: queue.Delivered",
	},
	{
		name:    "a message that was refused is dropped",
		file:    "internal/dispatch/outcome.go",
		code:    "\tcase notify.IsPermanent(err):\n\t\treturn errorClass{kind: queue.Dead",
		instead: "\tcase notify.IsPermanent(err):\n\t\treturn errorClass{kind: queue.Dropped",
	},
	{
		name:    "an attempt ignores that its lease was lost",
		file:    "internal/dispatch/reassign.go",
		code:    "\t\tcase <-delivery.LeaseLost:\n\t\t\tcancel()",
		instead: "\t\tcase <-delivery.LeaseLost:",
	},
	{
		name:    "the receipt of a message is not copied when the log is trimmed",
		file:    "internal/queue/journal/message.go",
		code:    "\tc.messages[m] = true\n\tc.ordered = append(c.ordered, Entry{Message: &m.Message})\n",
		instead: "\tc.messages[m] = true\n",
	},
	{
		name:    "the receipt of an older state wins",
		file:    "internal/queue/journal/message.go",
		code:    "old.position().compare(m.position()) >= 0",
		instead: "old.position().compare(m.position()) < 0",
	},
	{
		name:    "a later state does not update the other message of a lost lease",
		file:    "internal/queue/journal/message.go",
		code:    "\t\t\tmerged.Copies = append(merged.Copies, h)\n",
		instead: "\t\t\tmerged.Copies = nil\n",
	},
	{
		name:    "a message that was sent after the end of its delivery is forgotten",
		file:    "internal/queue/engine/settle.go",
		code:    "\t\tl.over = true\n",
		instead: "\t\tdelete(e.leases, id)\n",
	},
	{
		name:    "the receipt of another channel is used",
		file:    "internal/queue/journal/message.go",
		code:    "t.RouteUID, t.Account, t.Address} {",
		instead: "t.RouteUID, t.Account} {",
	},
	{
		name:    "the receipt of another account is used",
		file:    "internal/dispatch/update.go",
		code:    " || d.Destination == \"\" || d.Shown.Destination != d.Destination {",
		instead: " {",
	},
	{
		name:    "an older state is shown instead of a newer one",
		file:    "internal/dispatch/update.go",
		code:    "\tcase d.Shown != nil && d.Shown.Newer:",
		instead: "\tcase d.Shown != nil && d.Shown.Newer && false:",
	},
	{
		name:    "a message that is gone is not replaced",
		file:    "internal/dispatch/update.go",
		code:    "\t\tif !notify.IsGone(err) {\n",
		instead: "\t\tif true {\n",
	},
	{
		name:    "a receipt is not stored with its outcome",
		file:    "internal/dispatch/update.go",
		code:    "\to.Posted = &queue.Posted{",
		instead: "\t_ = &queue.Posted{",
	},
	{
		name:    "an earlier handle of a message counts as a copy",
		file:    "internal/dispatch/update.go",
		code:    "\tif handle != now.Handle {\n",
		instead: "\tif now.Handle == \"\" {\n",
	},
}
