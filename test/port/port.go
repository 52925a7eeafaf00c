// Package port finds ports for servers that cannot choose one themselves.
package port

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The range is below those that Linux and macOS take ports from for connections and for listeners that ask
// for any port. So no other process gets the port by chance before the server listens there, or while it is
// restarted.
const (
	first = 20_000
	after = 32_000
)

var given sync.Map // ports that Free has returned

// Free returns an address on the loopback interface that nobody listens on, another one each time.
func Free() (string, error) {
	err := errors.New("all are given")
	for range 100 {
		port := first + rand.IntN(after-first)
		if _, again := given.LoadOrStore(port, true); again {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", fmt.Errorf("find a free port: %w", err)
}
