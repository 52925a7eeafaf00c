package nats

import (
	"os"
	"testing"
)

// Wanted reports whether the suites that need a cluster are to run: make test-servers says so in
// the environment. They take minutes, and kill servers while they do.
func Wanted() bool { return os.Getenv("TRAVISHOOK_TEST_SERVERS") != "" }

// Need skips t where they are not to run.
func Need(t testing.TB) {
	t.Helper()
	if !Wanted() {
		t.Skip("make test-servers runs it")
	}
}
