package irc

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ergochat/irc-go/ircmsg"
)

// takesAsOne reports whether the server takes lines as one message (draft/multiline).
func (s *session) takesAsOne(all []string) bool {
	value, ok := s.caps[capMultiline]
	if !ok {
		return false
	}
	size := 0
	for _, line := range all {
		size += len(line) + len("\n")
	}
	return size <= limitOf(value, "max-bytes") && len(all) <= limitOf(value, "max-lines")
}

// limitOf is a limit in the value of a capability; none is no limit.
func limitOf(value, name string) int {
	n, err := strconv.Atoi(option(value, name))
	if err != nil || n <= 0 {
		return maxText * maxLine
	}
	return n
}

// refusesBatch reports whether a server refuses that the lines are one message.
func refusesBatch(m *ircmsg.Message) bool {
	return m.Command == "FAIL" && len(m.Params) > 0 && m.Params[0] == "BATCH"
}

// sendAsOne sends lines as one message, which has one answer, and which clients without the capability see as lines.
// Nothing may be sent in between, so the lines wait for their pace first.
func (s *session) sendAsOne(ctx context.Context, name string, all []string) (refused *ircmsg.Message, err error) {
	label, p := s.expect(&pending{channel: name, asOne: true})
	defer s.forget(label, p)
	begin := ircmsg.MakeMessage(map[string]string{"label": label}, "", "BATCH", "+"+label, capMultiline, name)
	messages := []ircmsg.Message{begin}
	for _, line := range all {
		m := ircmsg.MakeMessage(map[string]string{"batch": label}, "", s.account.command, name, line)
		m.ForceTrailing()
		messages = append(messages, m)
		if err := s.pace.Wait(ctx); err != nil {
			return nil, fmt.Errorf("wait for the pace: %w", err)
		}
	}
	if err := s.write(append(messages, ircmsg.MakeMessage(nil, "", "BATCH", "-"+label))...); err != nil {
		return nil, errLost(err)
	}
	return s.await(ctx, p)
}
