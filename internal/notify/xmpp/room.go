package xmpp

import "mellium.im/xmpp/jid"

// room is a room as one session knows it. The session's mutex guards the fields below turn.
type room struct {
	address jid.JID
	turn    chan struct{} // holds one token: the right to deliver

	inside   bool
	nickname string        // the one that the room knows us by, or that is being tried
	asking   chan *refusal // nil: the room has said what it is
	entering chan entry
	saying   *saying
}

// entry is a room's answer to one who wants in.
type entry struct {
	refusal *refusal
	created bool
}

// saying is a message on its way.
type saying struct {
	id     string
	answer chan *refusal // nil: the room has reflected it
}

func (s *session) room(address jid.JID) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := address.String()
	r, ok := s.rooms[key]
	if !ok {
		r = &room{address: address, turn: make(chan struct{}, 1)}
		s.rooms[key] = r
	}
	return r
}

// see takes a presence from the room: nickname is whose. Called with the session's mutex held.
func (r *room) see(nickname string, in incoming) {
	self := in.has(statusSelf) || nickname == r.nickname
	switch {
	case in.Type == "error":
		r.admit(entry{refusal: in.refusal()})
	case !self:
	case in.Type == "" && (in.has(statusSelf) || r.entering != nil):
		r.inside, r.nickname = true, nickname
		r.admit(entry{created: in.has(statusCreated)})
	case in.Type == "unavailable" && in.has(statusRenamed) && in.User.Item.Nick != "":
		r.nickname = in.User.Item.Nick
	case in.Type == "unavailable":
		r.inside = false // left, kicked, banned, or the room is gone: the next message enters again
	}
}

func (r *room) admit(e entry) {
	if r.entering != nil {
		r.entering <- e
		r.entering = nil
	}
}

// hear takes a message from the room: nickname is whose, empty for the room itself. Called
// with the session's mutex held.
func (r *room) hear(nickname string, in incoming) {
	if r.saying == nil || in.Delay != nil || (in.ID != r.saying.id && in.Origin.ID != r.saying.id) {
		return
	}
	switch {
	case in.Type == "error":
		r.saying.answer <- in.refusal()
	case in.Type == "groupchat" && nickname == r.nickname:
		r.saying.answer <- nil
	default:
		return
	}
	r.saying = nil
}

// tell takes the answer to an inquiry. Called with the session's mutex held.
func (r *room) tell(in incoming) {
	if r.asking == nil || in.ID != "info" {
		return
	}
	switch in.Type {
	case "error":
		r.asking <- in.refusal()
	case "result":
		r.asking <- nil
	default:
		return
	}
	r.asking = nil
}
