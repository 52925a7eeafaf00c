package simulation

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What the environment says: see docs/development.md.
const (
	seedsVariable    = "SEEDS"    // FROM-TO, or one
	durationVariable = "DURATION" // to go on from the first seed for that long
	traceVariable    = "TRACE"    // 1 has everything that happens printed
	shareVariable    = "SIMULATION_SHARE"

	// stuckAfter is how long one seed may take: hours pass in much less, also on a machine that has other work.
	stuckAfter = 10 * time.Minute
)

// TestSeeds runs the simulation with many seeds, in as many processes as there are cores: each has one
// thread, for goroutines that run at once come in another order each time.
func TestSeeds(t *testing.T) {
	from, to := seeds(t)
	if share := os.Getenv(shareVariable); share != "" {
		runShare(t, share, from, to)
		return
	}
	workers := min(runtime.NumCPU(), int(to-from+1))
	var all sync.WaitGroup
	var mu sync.Mutex
	var total counts
	run, begin := 0, time.Now()
	for w := range workers {
		all.Go(func() {
			simulate(t.Context(), os.Args[0], fmt.Sprintf("%d/%d", w, workers), fmt.Sprintf("%d-%d", from, to), func(l line) {
				mu.Lock()
				defer mu.Unlock()
				run++
				total.add(l.Counts)
				report(t, l)
			})
		})
	}
	all.Wait()
	t.Logf("%d seeds in %v (%.0f a minute): %+v", run, time.Since(begin).Round(time.Second), float64(run)/time.Since(begin).Minutes(), total)
	if run == 0 || total.Taken == 0 {
		t.Error("nothing was simulated: the test tests nothing")
	}
}

// seeds reads which seeds to run.
func seeds(t *testing.T) (from, to uint64) {
	from, to = 1, defaultSeeds
	if os.Getenv(durationVariable) != "" {
		to = 1 << 40
	}
	text := os.Getenv(seedsVariable)
	if text == "" {
		return from, to
	}
	first, last, ranged := strings.Cut(text, "-")
	var err, lastErr error
	from, err = strconv.ParseUint(first, 10, 64)
	switch {
	case ranged:
		to, lastErr = strconv.ParseUint(last, 10, 64)
	case os.Getenv(durationVariable) == "":
		to = from
	}
	if err != nil || lastErr != nil || from > to {
		t.Fatalf("%s is %q, and must be a number, or two of them: 1-500", seedsVariable, text)
	}
	return from, to
}

// line is what a process says of a seed: before it runs it, and after.
type line struct {
	Seed   uint64
	Done   bool
	Faults []string
	Counts counts
	Trace  uint64
	Plan   string
}

// simulate runs a share of the seeds in a process of its own. done is called for each, and for one in
// which the process ended or did not get on.
func simulate(ctx context.Context, binary, share, seeds string, done func(line)) {
	child := exec.CommandContext(ctx, binary, "-test.run=^TestSeeds$", "-test.timeout=0")
	child.Env = append(os.Environ(), shareVariable+"="+share, seedsVariable+"="+seeds, "GOMAXPROCS=1")
	var said, printed strings.Builder // each has one writer until the process has ended
	child.Stderr = &said
	if os.Getenv(traceVariable) == "1" {
		child.Stderr = os.Stderr
	}
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		done(line{Faults: []string{err.Error()}})
		return
	}
	stuck := time.AfterFunc(stuckAfter, func() { _ = child.Process.Kill() })
	defer stuck.Stop()
	under := line{Done: true}
	for lines := bufio.NewReader(out); ; {
		text, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		var l line
		if json.Unmarshal([]byte(text), &l) != nil {
			printed.WriteString(text)
			continue
		}
		stuck.Reset(stuckAfter)
		if under = l; l.Done {
			done(l)
		}
	}
	if err := child.Wait(); ctx.Err() == nil && (err != nil || !under.Done) {
		under.Faults = append(under.Faults, fmt.Sprintf("the process that ran it ended, or did not get on (%v): %s", err, tail(said.String()+printed.String())))
		done(under)
	}
}

func tail(s string) string {
	if len(s) > 8000 {
		return "… " + s[len(s)-8000:]
	}
	return s
}

func report(t *testing.T, l line) {
	if len(l.Faults) == 0 {
		return
	}
	t.Errorf("seed %d:\n  %s\n  plan: %s\n  to see how it came to that: make simulate SEEDS=%d TRACE=1",
		l.Seed, strings.Join(l.Faults, "\n  "), l.Plan, l.Seed)
}

// runShare runs one of some shares of the seeds in this process.
func runShare(t *testing.T, share string, from, to uint64) {
	var part, of uint64
	if _, err := fmt.Sscanf(share, "%d/%d", &part, &of); err != nil {
		t.Fatal(err)
	}
	// The garbage collector would run at moments of its own choosing, and have goroutines wait for it.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	var trace io.Writer
	if os.Getenv(traceVariable) == "1" {
		trace = os.Stderr
	}
	until := time.Now().Add(365 * 24 * time.Hour)
	if d, err := time.ParseDuration(os.Getenv(durationVariable)); err == nil {
		until = time.Now().Add(d)
	}
	if Exact {
		warmUp(t)
	}
	say := json.NewEncoder(os.Stdout)
	for seed := from + part; seed <= to && time.Now().Before(until); seed += of {
		_ = say.Encode(line{Seed: seed})
		r := runSeed(t, seed, trace)
		_ = say.Encode(line{Seed: seed, Done: true, Faults: r.Faults, Counts: r.Counts, Trace: r.Trace, Plan: r.Plan})
	}
}

// warmUp fills what is computed once in a process: later, that would cost random numbers.
func warmUp(t *testing.T) {
	for seed := range uint64(10) {
		runSeed(t, seed, nil)
	}
}

func runSeed(t *testing.T, seed uint64, out io.Writer) (r Result) {
	runtime.GC()
	if Exact {
		runtime.GC() // which empties what the first has put aside
	}
	defer unseed()
	synctest.Test(t, func(*testing.T) {
		reseed(seed)
		r = Run(seed, out)
	})
	return r
}
