package xmpp

import (
	"bytes"
	"fmt"
	"strconv"

	"mellium.im/sasl"
)

// The iterations of SCRAM's key derivation that a server may ask for. RFC 7677 requires 4 096; with
// fewer, an eavesdropper can guess the password. Two billion would keep a processor busy for an hour,
// regardless of the deadline.
const (
	minIterations = 4096
	maxIterations = 2_000_000
)

var errIterations = fmt.Errorf("the server asks for a login with fewer than %d or more than %d iterations of SCRAM: configure it to 10000", minIterations, maxIterations)

// limitIterations returns the SCRAM mechanism m, failing where the server asks for too few iterations
// or too many.
func limitIterations(m sasl.Mechanism) sasl.Mechanism {
	next := m.Next
	m.Next = func(n *sasl.Negotiator, challenge []byte, data any) (bool, []byte, any, error) {
		for field := range bytes.SplitSeq(challenge, []byte(",")) {
			count, found := bytes.CutPrefix(field, []byte("i="))
			if !found {
				continue
			}
			i, err := strconv.Atoi(string(bytes.TrimRight(count, "\x00")))
			if err != nil || i < minIterations || i > maxIterations {
				return false, nil, nil, errIterations
			}
		}
		return next(n, challenge, data)
	}
	return m
}
