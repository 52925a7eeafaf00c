// Package port finds ports for servers that cannot choose one themselves.
package port

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// The range is below those that Linux and macOS take ports from for connections and for listeners that ask
// for any port. So no other process gets the port by chance before the server listens there, or while it is
// restarted.
const (
	first = 20_000
	after = 32_000
)

var given sync.Map // ports that Free has returned

// locks is a file of which each process locks the bytes whose numbers are its ports, until it ends. Without that, two
// suites that run at once could be given the same port, before the server of the first listens. It is opened
// at the start, because tests compare what is open before and after them.
var locks, errLocks = os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("travishook-ports-%d", os.Getuid())), os.O_RDWR|os.O_CREATE, 0o600)

// lock reports whether no other process has the port.
func lock(port int) (bool, error) {
	if errLocks != nil {
		return false, errLocks
	}
	err := syscall.FcntlFlock(locks.Fd(), syscall.F_SETLK, &syscall.Flock_t{
		Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: int64(port), Len: 1,
	})
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// Free returns an address on the loopback interface that nobody listens on, another one each time, also in other
// processes of the user.
func Free() (string, error) {
	err := errors.New("all are given")
	for range 100 {
		port := first + rand.IntN(after-first)
		if _, again := given.LoadOrStore(port, true); again {
			continue
		}
		locked, lockErr := lock(port)
		if lockErr != nil {
			return "", fmt.Errorf("reserve a port: %w", lockErr)
		}
		if !locked {
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
