package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

const (
	// fresh is for how long what was found out about a room holds. Anyone with the right may upgrade or encrypt a
	// room at any time, and no error says so.
	fresh = time.Minute
	// maxUpgrades is how many upgrades of a room are followed.
	maxUpgrades = 8
)

// errEncrypted is the refusal to send to an encrypted room.
var errEncrypted = errors.New("the room is encrypted, and the operator cannot encrypt: choose a room without encryption, which cannot be turned off")

// room is where an address leads to.
type room struct {
	id   string
	note string // if the address should be changed
	// until is when it must be looked up again.
	until time.Time
}

// room returns the room of an address, which the bot has joined.
func (n *notifier) room(ctx context.Context, address string) (room, error) {
	if known, ok := n.rooms.Get(address); ok && time.Now().Before(known.until) {
		return known, nil
	}
	r, err := n.find(ctx, address)
	if err != nil {
		return room{}, err
	}
	r.until = time.Now().Add(fresh)
	n.rooms.Add(address, r)
	return r, nil
}

// find looks up an address, follows the upgrades of its room, and joins it.
func (n *notifier) find(ctx context.Context, address string) (room, error) {
	r, via, err := n.lookUp(ctx, address)
	if err != nil {
		return room{}, err
	}
	if err := n.enter(ctx, r.id, via); err != nil {
		return room{}, err
	}
	for range maxUpgrades {
		next, via, err := n.replacement(ctx, r.id)
		if err != nil {
			return room{}, err
		}
		if next == "" {
			return r, n.checkPlain(ctx, r.id)
		}
		if err := n.follow(ctx, r.id, next, via); err != nil {
			return room{}, err
		}
		r = room{id: next, note: "the room was upgraded, and the message is in the new one: change the address to " + next}
	}
	return room{}, notify.Permanent(fmt.Errorf("the room was upgraded more than %d times: correct the address", maxUpgrades))
}

// lookUp returns the room of an address, and servers that know it.
func (n *notifier) lookUp(ctx context.Context, address string) (room, []string, error) {
	if !strings.HasPrefix(address, "#") {
		return room{id: address}, nil, nil
	}
	var found struct {
		RoomID  string   `json:"room_id"`
		Servers []string `json:"servers"`
	}
	if err := n.ask(ctx, http.MethodGet, "/directory/room/"+url.PathEscape(address), nil, &found); err != nil {
		return room{}, nil, fmt.Errorf("look up the room: %w", err)
	}
	if !isRoom(found.RoomID) {
		return room{}, nil, errNotMatrix
	}
	return room{id: found.RoomID}, servers(found.Servers...), nil
}

// servers returns at most four names of servers, without those that are too long.
func servers(names ...string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return len(name) > maxID })
	return names[:min(len(names), 4)]
}

// enter joins a room, unless the bot is in it. A bot that was removed stays away until it is invited again.
func (n *notifier) enter(ctx context.Context, id string, via []string) error {
	user, err := n.self(ctx)
	if err != nil {
		return err
	}
	var member struct {
		Membership string `json:"membership"`
	}
	err = n.state(ctx, id, "m.room.member", user, &member)
	switch {
	case err != nil && codeOf(err) != forbidden && codeOf(err) != notFound: // not in the room, in one of two ways
		return err
	case member.Membership == "join":
		return nil
	case member.Membership == "leave":
		return notify.Permanent(errors.New("the bot was removed from the room, or has left it: invite " + user + " again"))
	case member.Membership == "ban":
		return notify.Permanent(errors.New("the bot is banned from the room: unban and invite " + user))
	}
	// Homeservers before version 1.12 of the specification know only server_name.
	servers := url.Values{"via": via, "server_name": via}
	err = n.ask(ctx, http.MethodPost, "/join/"+url.PathEscape(id)+"?"+servers.Encode(), struct{}{}, &struct{}{})
	if err != nil {
		return fmt.Errorf("join the room as %s: %w", user, advise(err, joinAdvice))
	}
	return nil
}

// follow enters the room that an upgraded one names as its replacement. A user who may upgrade a room can name any
// room, even another team's where the bot is a member. So the new room must name the old one as its predecessor, which
// only its creator can set.
func (n *notifier) follow(ctx context.Context, old, next string, via []string) error {
	if err := n.enter(ctx, next, via); err != nil {
		return err
	}
	var created struct {
		Predecessor struct {
			RoomID string `json:"room_id"`
		} `json:"predecessor"`
	}
	if err := n.state(ctx, next, "m.room.create", "", &created); err != nil {
		return err
	}
	if created.Predecessor.RoomID != old {
		return notify.Permanent(fmt.Errorf("the room names %s as its replacement, which does not name the room as its predecessor: change the address to the room that is meant", next))
	}
	return nil
}

// replacement returns the room that replaced an upgraded one, and a server that knows it; nothing if the room was
// not upgraded.
func (n *notifier) replacement(ctx context.Context, id string) (next string, via []string, err error) {
	// With format=event, homeservers since version 1.16 return the whole event.
	var tombstone struct {
		Replacement string `json:"replacement_room"`
		Sender      string `json:"sender"`
		Content     struct {
			Replacement string `json:"replacement_room"`
		} `json:"content"`
	}
	switch err := n.state(ctx, id, "m.room.tombstone", "?format=event", &tombstone); {
	case codeOf(err) == notFound:
		return "", nil, nil
	case err != nil:
		return "", nil, err
	}
	next = tombstone.Replacement + tombstone.Content.Replacement
	if !isRoom(next) {
		return "", nil, notify.Permanent(errors.New("the room was closed, and no other one replaces it: choose another one"))
	}
	sender := tombstone.Sender
	if sender == "" {
		sender = id // the ID's server is likely to know it
	}
	if _, server, ok := strings.Cut(sender, ":"); ok {
		via = servers(server)
	}
	return next, via, nil
}

// checkPlain refuses an encrypted room: the homeserver would accept the message, and clients would not show it, or
// warn of it.
func (n *notifier) checkPlain(ctx context.Context, id string) error {
	switch err := n.state(ctx, id, "m.room.encryption", "", &struct{}{}); {
	case err == nil:
		return notify.Permanent(errEncrypted)
	case codeOf(err) == notFound:
		return nil
	default:
		return err
	}
}

// state reads a part of a room's state; key may be a query.
func (n *notifier) state(ctx context.Context, id, part, key string, result any) error {
	if !strings.HasPrefix(key, "?") {
		key = url.PathEscape(key)
	}
	return n.ask(ctx, http.MethodGet, "/rooms/"+url.PathEscape(id)+"/state/"+part+"/"+key, nil, result)
}

// self returns the ID of the bot, which is asked for once.
func (n *notifier) self(ctx context.Context) (string, error) {
	if user, ok := n.user.Load().(string); ok {
		return user, nil
	}
	var me struct {
		UserID string `json:"user_id"`
	}
	if err := n.ask(ctx, http.MethodGet, "/account/whoami", nil, &me); err != nil {
		return "", err
	}
	if !isUser(me.UserID) {
		return "", errNotMatrix
	}
	n.user.Store(me.UserID)
	return me.UserID, nil
}
