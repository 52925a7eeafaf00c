// Package leaks finds files and connections that were opened and not closed. It reads /proc; without /proc
// it finds nothing.
package leaks

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// patience limits the wait for files that are closed a moment later, such as the other end of a connection.
	patience = 20 * time.Second
	again    = 10 * time.Millisecond
)

// Check fails a test that leaves something open after its other cleanups, so it must be called first. The
// test must not be parallel, because everything in the process counts.
func Check(t testing.TB) {
	t.Helper()
	before, err := Open(os.Getpid())
	if err != nil {
		return
	}
	t.Cleanup(func() {
		if left := since(t, before); len(left) > 0 {
			t.Errorf("left open: %s", strings.Join(left, ", "))
		}
	})
}

// since returns what was opened and is not closed in time.
func since(t testing.TB, before map[string]string) []string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		http.DefaultClient.CloseIdleConnections() // the test's own
		now, err := Open(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		left := added(before, now)
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		<-time.After(again)
	}
}

func added(before, now map[string]string) []string {
	var left []string
	for number, what := range now {
		if before[number] != what {
			left = append(left, number+" "+what)
		}
	}
	slices.Sort(left)
	return left
}

// Open lists a process's open files, connections and the like, by descriptor. Those of Go's runtime are left
// out.
func Open(pid int) (map[string]string, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list what is open: %w", err)
	}
	open := map[string]string{}
	for _, e := range entries {
		what, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil || what == dir || strings.HasPrefix(what, "anon_inode:[event") {
			continue // closed meanwhile, the list itself, or of the runtime
		}
		open[e.Name()] = what
	}
	return open, nil
}
