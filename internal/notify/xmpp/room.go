package xmpp

import "mellium.im/xmpp/jid"

// room is one session's view of a room. The session's mutex guards the fields below sending.
type room struct {
	address jid.JID
	sending chan struct{} // holds one token: the right to send

	joined      bool
	nickname    string            // the current one, or the one that a join asks for
	discovering chan *stanzaError // of the disco#info request under way; nil means success
	joining     chan joinResult
	pending     *pendingMessage
}

// joinResult is a room's answer to a join.
type joinResult struct {
	err     *stanzaError // nil: joined
	created bool         // the join created the room
}

// pendingMessage is a message that the room has not reflected yet.
type pendingMessage struct {
	id     string
	answer chan *stanzaError // nil: the room has reflected it
}

func (s *session) room(address jid.JID) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := address.String()
	r, ok := s.rooms[key]
	if !ok {
		r = &room{address: address, sending: make(chan struct{}, 1)}
		s.rooms[key] = r
	}
	return r
}

// handlePresence handles the presence of the occupant with the nickname. The session's mutex is held.
func (r *room) handlePresence(nickname string, in incoming) {
	self := in.hasStatus(statusSelf) || nickname == r.nickname
	switch {
	case in.Type == "error":
		r.completeJoin(joinResult{err: in.stanzaError()})
	case !self:
	case in.Type == "" && (in.hasStatus(statusSelf) || r.joining != nil):
		r.joined, r.nickname = true, nickname
		r.completeJoin(joinResult{created: in.hasStatus(statusCreated)})
	case in.Type == "unavailable" && in.hasStatus(statusRenamed) && in.User.Item.Nick != "":
		r.rename(in.User.Item.Nick)
	case in.Type == "unavailable":
		r.joined = false // exited, kicked, banned, or the room was destroyed: the next message joins again
	}
}

// rename keeps the nickname as it will be in addresses, if it can be in one, which limits its length.
func (r *room) rename(nickname string) {
	if renamed, err := r.address.WithResource(nickname); err == nil {
		r.nickname = renamed.Resourcepart()
	}
}

func (r *room) completeJoin(result joinResult) {
	if r.joining != nil {
		r.joining <- result
		r.joining = nil
	}
}

// handleMessage handles a message of the occupant with the nickname, which is empty for the room
// itself. The session's mutex is held.
func (r *room) handleMessage(nickname string, in incoming) {
	if r.pending == nil || in.Delay != nil || (in.ID != r.pending.id && in.Origin.ID != r.pending.id) {
		return
	}
	switch {
	case in.Type == "error":
		r.pending.answer <- in.stanzaError()
	case in.Type == "groupchat" && nickname == r.nickname:
		r.pending.answer <- nil
	default:
		return
	}
	r.pending = nil
}

// handleIQ handles the answer to a disco#info request. The session's mutex is held.
func (r *room) handleIQ(in incoming) {
	if r.discovering == nil || in.ID != "info" {
		return
	}
	switch in.Type {
	case "error":
		r.discovering <- in.stanzaError()
	case "result":
		r.discovering <- nil
	default:
		return
	}
	r.discovering = nil
}
