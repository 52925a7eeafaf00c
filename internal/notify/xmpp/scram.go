package xmpp

import (
	"errors"

	"mellium.im/sasl"

	"github.com/travishook/travishook/internal/notify"
)

// limitIterations returns the SCRAM mechanism m, failing where the server asks for too few iterations
// or too many, or sends no SCRAM.
func limitIterations(m sasl.Mechanism) sasl.Mechanism {
	next := m.Next
	m.Next = func(n *sasl.Negotiator, challenge []byte, data any) (bool, []byte, any, error) {
		switch err := notify.CheckSCRAM(challenge); {
		case errors.Is(err, notify.ErrIterations):
			return false, nil, nil, err
		case err != nil:
			return false, nil, nil, sasl.ErrAuthn
		}
		return next(n, challenge, data)
	}
	return m
}
