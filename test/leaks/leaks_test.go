package leaks

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// open returns the open files of this process.
func open(t *testing.T) map[string]string {
	t.Helper()
	mine, err := Open(os.Getpid())
	if err != nil {
		t.Skip("SKIPPED: there is no /proc here to look into; run the test on Linux")
	}
	return mine
}

func TestWhatIsLeftOpenIsFound(t *testing.T) {
	before := open(t)
	path := filepath.Join(t.TempDir(), "left")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	left := strings.Join(added(before, open(t)), ", ")
	if !strings.Contains(left, path) || !strings.Contains(left, "socket:[") {
		t.Errorf("found %q, want the file %s and a socket", left, path)
	}
	_, _ = file.Close(), listener.Close()
	if left := since(t, before); len(left) > 0 {
		t.Errorf("found %v, and all is closed", left)
	}
}
