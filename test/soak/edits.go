package main

import (
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/test/soak/victim"
)

// shown is a message that shows a build in a channel.
type shown struct {
	takes []taken // of its states
}

// edits looks whether a build has one message in a channel, which shows its newest state. Another one is sent only
// if nobody knew the first: its answer was lost, or its sender died before the outcome was stored.
func (j *checker) edits() {
	all := map[line]map[string]*shown{}
	for i, t := range j.ledger.takes {
		e := j.ledger.events[t.serial]
		if !(victim.Tenants{}).Edits(e.team) {
			continue
		}
		at := line{e.build, t.channel}
		messages := all[at]
		if messages == nil {
			messages = map[string]*shown{}
			all[at] = messages
		}
		now := taken{t, moment(i)}
		m := messages[t.message]
		switch {
		case m != nil && m.takes[len(m.takes)-1].delivery != t.delivery:
			j.Edited++
		case m == nil:
			m = &shown{}
			j.anew(messages, now)
			messages[t.message] = m
		}
		m.takes = append(m.takes, now)
	}
	for _, messages := range all {
		j.Orphans += len(messages) - 1
	}
}

// anew looks why a message was sent for a build that has others.
func (j *checker) anew(others map[string]*shown, now taken) {
	for _, other := range others {
		for _, t := range other.takes {
			o, ok := j.ledger.settled[t.id]
			if ok && o.kind == queue.Delivered && o.at <= now.at && !j.handedOver(o.generation, taken{t.take, now.at}) {
				j.fault("event %d came to channel %d as a new message from victim %d, although the store had that of event %d from victim %d",
					now.serial, now.channel, now.generation, t.serial, o.generation)
				break
			}
		}
	}
}
