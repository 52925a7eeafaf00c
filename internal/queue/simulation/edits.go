package simulation

import "time"

const (
	// late is how long a replica may take to know what another has stored.
	late = time.Minute
	// week is for how long a receipt is kept at most.
	week = 7 * 24 * time.Hour
)

// edits: a channel shows the newest state of a build in one message, which is replaced only where it cannot be
// edited. A message is orphaned only if no process knew its receipt.
func (j *checker) edits() {
	newest := j.newest()
	for d := range newest {
		j.shown(newest[d])
	}
	sent := map[lineage][]int{}
	for _, a := range j.attempts {
		if a.edits {
			j.overwritten(j.attempts[a.replaces], a)
		}
		if a.posting == 0 || a.edits {
			continue
		}
		of := j.lineage(a.delivery)
		for _, earlier := range sent[of] {
			j.replaced(earlier, a)
		}
		sent[of] = append(sent[of], a.posting)
	}
	for n := range j.postings {
		if last, ok := newest[j.lineage(j.postings[n].shows)]; ok {
			j.stale(n+1, last)
		}
	}
}

// overwritten: no edit shows an older state than the message does, unless nobody knew that.
func (j *checker) overwritten(before, by attempt) {
	if j.accepted[before.delivery] > j.accepted[by.delivery] && before.answered && j.stored(before, by, 0) {
		j.fault("%v overwrites %v, which is a later state of the build", by.delivery, before.delivery)
	}
}

// lineage is what one message shows.
type lineage struct{ target, build int }

func (j *checker) lineage(d delivery) lineage { return lineage{d.target, j.events[d.event].build} }

// newest are the attempts by which the newest state of each build that was delivered was first taken. Builds with
// damaged records are left out.
func (j *checker) newest() map[lineage]attempt {
	all, damaged := map[lineage]attempt{}, map[lineage]bool{}
	for d := range j.damaged {
		damaged[j.lineage(d)] = true
	}
	for _, a := range j.attempts {
		of := j.lineage(a.delivery)
		if a.taken == 0 || j.ends[a.delivery] != endedDelivered || damaged[of] || j.receiptsLost || !j.targets[a.target].updates {
			continue
		}
		if last, ok := all[of]; !ok || j.accepted[a.delivery] > j.accepted[last.delivery] {
			all[of] = a
		}
	}
	return all
}

// shown: one of the messages that showed a build's newest state shows it at the end, or a later one that became a
// dead letter after all.
func (j *checker) shown(newest attempt) {
	for _, a := range j.attempts {
		if a.delivery != newest.delivery || a.posting == 0 {
			continue
		}
		if p := &j.postings[a.posting-1]; j.accepted[p.shows] >= j.accepted[a.delivery] || p.over(j.ended) {
			return
		}
	}
	j.fault("no message shows %v, the newest state of its build that was delivered", newest.delivery)
}

// replaced: a message is sent for a build that has another one.
func (j *checker) replaced(earlier int, by attempt) {
	p := &j.postings[earlier-1]
	if p.account == j.postings[by.posting-1].account && j.current(p, earlier, by, 0) {
		j.fault("%v is sent as a new message, and the build's earlier one could be edited", by.delivery)
	}
}

// current reports whether the process that made an attempt knew the receipt of an earlier message, and that
// could be edited.
func (j *checker) current(p *posting, number int, by attempt, late time.Duration) bool {
	expired := p.expires > 0 && p.expires <= by.at+j.jump || j.jump > week/2
	if !j.targets[p.target].updates || j.receiptsLost || p.over(by.at) || expired {
		return false
	}
	for _, a := range j.attempts {
		if a.posting == number && a.answered && j.stored(a, by, late) {
			return true
		}
	}
	return false
}

// stored reports whether the outcome of an attempt was stored before another one.
func (j *checker) stored(a, by attempt, late time.Duration) bool {
	if j.damaged[a.delivery] || j.damaged[by.delivery] || late == 0 && j.lost(a.process, a.id, by.begin) {
		return false
	}
	for _, s := range j.settlements {
		if s.id == a.id && s.process == a.process && s.ended && s.at <= by.begin && s.time+late <= by.at {
			return true
		}
	}
	return false
}

// stale: a message shows an older state at the end.
func (j *checker) stale(number int, newest attempt) {
	p := &j.postings[number-1]
	if j.accepted[p.shows] >= j.accepted[newest.delivery] || p.over(j.ended) {
		return
	}
	j.orphans++
	if sent := &j.postings[newest.posting-1]; p.account == sent.account && j.current(p, number, newest, late) {
		j.fault("a message shows %v at the end, and was not edited by %v", p.shows, newest.delivery)
	}
}
