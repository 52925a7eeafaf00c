package simulation

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// posting is a message in a channel, with the state of a build that it shows.
type posting struct {
	target, build int
	account       string // that sent it
	shows         delivery
	by            int // the attempt, as in history
	// gone is when it is deleted, or cannot be edited any more; expires is until when its receipt is kept.
	// Both count from the run's beginning, and are zero for never.
	gone, expires time.Duration
}

// remarkable are the times of a new message.
type remarkable struct{ gone, expires time.Duration }

// fate decides when a message is deleted, or becomes too old: some channels have an edit window, and of these
// some say so in the receipt.
func (s *Simulation) fate(m *message) (f remarkable) {
	if channel := s.dice.of("window", uint64(m.channel)); channel.chance(0.3) {
		f.gone = s.elapsed() + channel.of("length").duration(30*time.Second, 20*time.Minute)
		if channel.of("declares").chance(0.5) {
			f.expires = f.gone
		}
	}
	if s.disturbed() && m.dice.of("is deleted").chance(0.1) {
		f.gone = s.elapsed() + m.dice.of("deleted").skewed(time.Second, 10*time.Minute)
	}
	return f
}

// take has a channel show the message: as a new one, or in place of what an earlier one shows.
func (n *notifier) take(m *message) (notify.Receipt, error) {
	s := n.p.sim
	if m.update != nil {
		return s.ledger.edit(m.attempt, n.account.Name, m.update.Handle)
	}
	f := s.fate(m)
	handle := s.ledger.post(m.attempt, n.account.Name, f)
	var until time.Time
	if f.expires > 0 {
		until = s.begin.Add(f.expires)
	}
	return notify.Receipt{Handle: handle, Until: until}, nil
}

// post notes that a channel has a new message.
func (l *ledger) post(n int, account string, f remarkable) (handle string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.h.attempts[n]
	l.h.postings = append(l.h.postings, posting{
		target: a.target, build: l.h.events[a.event].build, account: account, shows: a.delivery, by: n, gone: f.gone, expires: f.expires,
	})
	l.counts.Taken++
	a.taken, a.posting = l.now(), len(l.h.postings)
	return handleOf(account, a.posting, a.delivery)
}

// handleOf is the handle of a message. In some channels it changes with each edit.
func handleOf(account string, posting int, shows delivery) string {
	handle := account + "/" + strconv.Itoa(posting)
	if shows.target%2 == 1 {
		handle += "/" + strconv.Itoa(shows.event)
	}
	return handle
}

// edit notes that an earlier message shows another state.
func (l *ledger) edit(n int, account, handle string) (notify.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.h.attempts[n]
	sender, number, _ := strings.Cut(handle, "/")
	number, _, _ = strings.Cut(number, "/")
	i, err := strconv.Atoi(number)
	if err != nil || i < 1 || i > len(l.h.postings) {
		l.faults = append(l.faults, fmt.Sprintf("%v edits a message by the handle %q, which is none", a.delivery, handle))
		return notify.Receipt{}, notify.Permanent(errors.New("no such handle"))
	}
	p := &l.h.postings[i-1]
	switch {
	case sender != account:
		l.faults = append(l.faults, fmt.Sprintf("account %s edits a message of account %s", account, sender))
	case p.target != a.target || p.build != l.h.events[a.event].build:
		l.faults = append(l.faults, fmt.Sprintf("%v edits a message of build %d for target %d", a.delivery, p.build, p.target))
	case p.over(a.at):
		l.counts.Gone++
		a.gone = l.now()
		return notify.Receipt{}, notify.Gone(errors.New("no such message"))
	}
	l.counts.Taken++
	l.counts.Edits++
	a.taken, a.posting, a.edits, a.replaces = l.now(), i, true, p.by
	p.shows, p.by = a.delivery, n
	receipt := notify.Receipt{Handle: handleOf(account, i, a.delivery)}
	if p.expires > 0 {
		receipt.Until = l.began.Add(p.expires)
	}
	return receipt, nil
}

// over reports whether the message cannot be edited any more.
func (p *posting) over(at time.Duration) bool { return p.gone > 0 && p.gone <= at }
