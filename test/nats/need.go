package nats

import (
	"os"
	"testing"
)

// Wanted reports whether the suites that need a cluster should run: make test-servers sets a variable. They
// take minutes, and kill servers.
func Wanted() bool { return os.Getenv("TRAVISHOOK_TEST_SERVERS") != "" }

// Need skips t if they should not run.
func Need(t testing.TB) {
	t.Helper()
	if !Wanted() {
		t.Skip("make test-servers runs it")
	}
}
