package xmpp

import (
	"bytes"
	"errors"
	"strconv"

	"mellium.im/sasl"
)

// maxIterations of SCRAM's key derivation; servers ask for 4 096 to 100 000. One that asks for
// two thousand million would keep a processor busy for an hour, deaf to any deadline.
const maxIterations = 2_000_000

var errIterations = errors.New("the server asks for too costly a login")

// bounded is m, a SCRAM mechanism, for servers that ask for a bounded number of iterations.
func bounded(m sasl.Mechanism) sasl.Mechanism {
	next := m.Next
	m.Next = func(n *sasl.Negotiator, challenge []byte, data any) (bool, []byte, any, error) {
		for field := range bytes.SplitSeq(challenge, []byte(",")) {
			count, found := bytes.CutPrefix(field, []byte("i="))
			if i, err := strconv.Atoi(string(bytes.TrimRight(count, "\x00"))); found && (err != nil || i > maxIterations) {
				return false, nil, nil, errIterations
			}
		}
		return next(n, challenge, data)
	}
	return m
}
