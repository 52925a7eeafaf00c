package notify

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// The iterations of SCRAM's key derivation that a server may ask for. RFC 7677 requires 4 096; with
// fewer, an eavesdropper can guess the password. Servers use 4 096 to 15 000. The derivation ignores the deadline,
// and a server can have it repeated with each login: 200 000 keep a processor busy for some 30 ms, millions for
// seconds.
const (
	minIterations = 4096
	maxIterations = 200_000
)

// ErrIterations is the error of a server that asks for too few iterations of SCRAM, or too many.
var ErrIterations = fmt.Errorf("the server asks for a login with fewer than %d or more than %d iterations of SCRAM: configure it to 10000", minIterations, maxIterations)

var errNotSCRAM = errors.New("the server's part of the login is not SCRAM")

// CheckSCRAM checks a message of a server (RFC 5802), of which the first has the iterations. The library never
// returns from a message with a field that is too short.
func CheckSCRAM(challenge []byte) error {
	for field := range bytes.SplitSeq(challenge, []byte(",")) {
		if len(field) < 3 || field[1] != '=' {
			return errNotSCRAM
		}
		count, found := bytes.CutPrefix(field, []byte("i="))
		if !found {
			continue
		}
		i, err := strconv.Atoi(string(bytes.TrimRight(count, "\x00")))
		if err != nil || i < minIterations || i > maxIterations {
			return ErrIterations
		}
	}
	return nil
}
