package queuetest

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// crashDir is set for child processes, to the directory of the store.
const crashDir = "QUEUETEST_CRASH_DIR"

// Crash repeatedly kills a process that stores and settles events, at random moments. It returns the
// events that were acknowledged and are missing afterwards, or were settled and are still there. It runs
// the calling test as the child process, so it must be the first call of a top-level test.
func Crash(t *testing.T, open Open, times int) (wrong []string) {
	if dir := os.Getenv(crashDir); dir != "" {
		acceptForever(open(t, dir, clock.RealClock{}))
	}
	dir := t.TempDir()
	acknowledged := map[string]string{}
	for round := range times {
		readUntilKilled(t, dir, 1+rand.IntN(400), acknowledged)
		wrong = append(wrong, compare(t, open, dir, round, acknowledged)...)
	}
	if len(acknowledged) == 0 {
		t.Fatal("no event was ever acknowledged: the test tests nothing")
	}
	return wrong
}

// acceptForever stores events from several goroutines, settles some, and prints each acknowledgement
// before it continues.
func acceptForever(s Store) {
	ctx := context.Background()
	lines := make(chan string)
	for range 4 {
		go func() {
			for {
				build := rand.Int64()
				room := Target("builds", fmt.Sprint(build))
				_, err := s.Accept(ctx, queue.Acceptance{
					Event:  Event(build, travis.Passed),
					Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{room}}},
				})
				if err != nil {
					panic(err)
				}
				lines <- fmt.Sprint("stored ", build)
			}
		}()
	}
	go func() {
		for {
			d, err := s.Take(ctx, queue.Healthy)
			if err != nil {
				panic(err)
			}
			if d.Event.Build.ID%2 == 0 { // under way for ever
				continue
			}
			if err := s.Settle(ctx, d.ID, queue.Outcome{Kind: queue.Delivered}); err != nil {
				panic(err)
			}
			lines <- fmt.Sprint("arrived ", d.Event.Build.ID)
		}
	}()
	for line := range lines {
		fmt.Println(line)
	}
}

// readUntilKilled starts the child, kills it after that many lines of output, and records all lines.
func readUntilKilled(t *testing.T, dir string, enough int, acknowledged map[string]string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=2m")
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, build, ok := strings.Cut(lines.Text(), " ")
		if !ok || what != "stored" && what != "arrived" {
			continue
		}
		if acknowledged[build] != "arrived" {
			acknowledged[build] = what
		}
		if said++; said == enough {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it was killed
	if said < enough {
		t.Fatalf("the child ended by itself after %d lines", said)
	}
}

func compare(t *testing.T, open Open, dir string, round int, acknowledged map[string]string) (wrong []string) {
	t.Helper()
	s := open(t, dir, clock.RealClock{})
	kept := map[string]bool{}
	for _, d := range s.Deliveries(queue.Query{}) {
		kept[strconv.FormatInt(d.BuildID, 10)] = true
	}
	for build, what := range acknowledged {
		if what == "stored" && !kept[build] && !settledUnreported(t, s, build) {
			wrong = append(wrong, fmt.Sprintf("round %d: build %s was stored and is gone", round, build))
		}
		if what == "arrived" && kept[build] {
			wrong = append(wrong, fmt.Sprintf("round %d: build %s had arrived and is back", round, build))
		}
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatalf("close: %v", err)
	}
	return wrong
}

// settledUnreported reports whether the outcome of a delivery was stored right before the process was
// killed and could print it. Then the delivery is rightly missing, but the event is known as seen.
func settledUnreported(t *testing.T, s Store, build string) bool {
	t.Helper()
	id, err := strconv.ParseInt(build, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Accept(context.Background(), queue.Acceptance{
		Event:  Event(id, travis.Passed),
		Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{Target("builds", "again")}}},
	})
	if err != nil {
		t.Fatalf("accept: %v", err)
	}
	return len(r.Seen) == 1
}
