package travis

import (
	"strings"
	"time"
)

// TestEvent returns an artificial event whose texts say that it is a test.
func TestEvent(repository string, now time.Time) Event {
	owner, name, _ := strings.Cut(repository, "/")
	now = now.UTC().Truncate(time.Second)
	return Event{
		Repository: Repository{Owner: owner, Name: name},
		Build: Build{
			Number: "0", Type: Push, State: "passed", Result: Passed, Branch: "test",
			Started: now.Add(-time.Minute), Finished: now, Duration: time.Minute,
		},
		Commit: Commit{
			SHA:     strings.Repeat("0", 40),
			Message: "A test message: nothing was built", Author: "travishook", Committer: "travishook", Committed: now,
		},
	}
}
