package xmpp

import (
	"context"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// timing holds the timeouts and intervals.
type timing struct {
	connect time.Duration // until logged in
	answer  time.Duration // until a room or a ping is answered
	ping    time.Duration // between two pings
	// backoff is the minimum time between two attempts to connect; it doubles with each, up to
	// maxBackoff, until a session lasts.
	backoff, maxBackoff time.Duration
}

var defaultTiming = timing{
	connect:    30 * time.Second,
	answer:     15 * time.Second,
	ping:       time.Minute,
	backoff:    time.Second,
	maxBackoff: time.Minute,
}

// notifier holds an account's connection.
type notifier struct {
	*notify.Keeper[*session]
	account account
	dial    notify.Dialer
	timing  timing
}

func newNotifier(a account, deps notify.Deps, p timing) *notifier {
	n := &notifier{account: a, dial: deps.Dial, timing: p}
	n.Keeper = notify.Keep(n.open, notify.KeepOptions{
		Open: p.connect, ErrOpen: errLoginTimeout(p.connect), Backoff: p.backoff, MaxBackoff: p.maxBackoff,
		Log: deps.Log.WithValues("account", a.jid.String()),
	})
	return n
}

// Notify sends m to its room and returns when the room has reflected it.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	room, err := parseRoom(m.Address)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	first, err := firstID(m)
	if err != nil {
		return notify.Receipt{}, err
	}
	s, err := n.Session(ctx)
	if err != nil {
		return notify.Receipt{}, fmt.Errorf("connect as %s: %w", n.account.jid, err)
	}
	reply, replies := replyTo(m)
	if replies {
		m.Mention = "" // an edit notifies nobody
	}
	if err := s.deliver(ctx, room, m); err != nil {
		return notify.Receipt{}, err
	}
	n.ResetBackoff()
	if replies {
		if err := s.deliver(ctx, room, reply); err != nil {
			return notify.Receipt{}, err
		}
	}
	return notify.Receipt{Handle: first}, nil
}

func (n *notifier) open(ctx context.Context) (*session, error) {
	stream, conn, err := connect(ctx, n.account, n.dial)
	if err != nil {
		return nil, err
	}
	return newSession(n.account, stream, conn, n.timing), nil
}

var _ notify.Connection = (*notifier)(nil)
