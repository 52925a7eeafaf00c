package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// sizes of the workloads.
type sizes struct {
	rounds int
	span   time.Duration // of one measurement
	// webhooks are signed before anything is timed, because a signature takes longer than the receiver's
	// work.
	webhooks     int
	connections  []int
	liveChannels int           // one for each repository
	quiet        time.Duration // the time of latency measurements, which have fewer samples
	dead         int           // channels that accept nothing: more than the dispatcher has slots
	waiting      int           // deliveries for each of those
	hang         time.Duration // of a channel that hangs; longer than an attempt's timeout
	routes       []int         // sizes of the routing table
}

var (
	fullSizes = sizes{
		rounds: 3, span: time.Second, webhooks: 12_000, connections: []int{1, 16, 64}, liveChannels: 512,
		quiet: 6 * time.Second, dead: 1500, waiting: 100, hang: time.Minute, routes: []int{10, 10_000, 100_000},
	}
	quickSizes = sizes{
		rounds: 1, span: 50 * time.Millisecond, webhooks: 400, connections: []int{1, 4}, liveChannels: 32,
		quiet: 200 * time.Millisecond, dead: 10, waiting: 3, hang: 100 * time.Millisecond, routes: []int{10, 100},
	}
)

// part is something to measure.
type part struct {
	name string
	run  func(context.Context, *benchmark) (section, error)
}

// parts in the order in which they run.
var parts = []part{
	{"accept", accept},
	{"latency", latency},
	{"unknown", unknown},
	{"table", table},
	{"dead", besideDead},
	{"flood", flood},
}

func partNames() []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return names
}

func partsNamed(names string) ([]part, error) {
	if names == "all" {
		return parts, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, p := range parts {
			if p.name == name {
				chosen, found = append(chosen, p), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no part %q, only %s", name, strings.Join(partNames(), ", "))
		}
	}
	return chosen, nil
}

// benchmark is the state that the parts share.
type benchmark struct {
	sizes
	dir      string // of this run
	stores   int    // made in it so far
	webhooks []webhook
	progress io.Writer
}

// measure runs the parts and returns their figures as Markdown.
func measure(ctx context.Context, o options, progress io.Writer) (string, error) {
	dir, err := os.MkdirTemp(o.dir, "travishook-bench-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the stores: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &benchmark{sizes: o.sizes, dir: dir, progress: progress}
	began := time.Now()
	facts := machine(dir)
	b.say("signing %d webhooks", b.sizes.webhooks)
	b.webhooks = sign(live(b.liveChannels).webhooks(0, b.sizes.webhooks))
	stop, err := startProfile(o.profile)
	if err != nil {
		return "", err
	}
	defer stop()
	sections, err := b.measure(ctx, o.parts)
	if err != nil {
		return "", err
	}
	return render(facts, o.sizes, sections, time.Since(began)), nil
}

func (b *benchmark) measure(ctx context.Context, parts []part) ([]section, error) {
	var sections []section
	for _, p := range parts {
		b.say("measuring: %s", p.name)
		s, err := p.run(ctx, b)
		if err != nil {
			return nil, fmt.Errorf("measure %s: %w", p.name, err)
		}
		sections = append(sections, s)
	}
	return sections, nil
}

// say reports progress.
func (b *benchmark) say(format string, args ...any) {
	fmt.Fprintf(b.progress, "%s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}

// newStore returns a directory for another store.
func (b *benchmark) newStore() string {
	b.stores++
	return filepath.Join(b.dir, fmt.Sprint(b.stores))
}

// run starts an operator with its own store, calls do, and stops it.
func (b *benchmark) run(ctx context.Context, c composition, do func(context.Context, *operator) error) error {
	dir := b.newStore()
	defer os.RemoveAll(dir)
	c.hang = b.hang
	o, err := startOperator(ctx, dir, c)
	if err != nil {
		return fmt.Errorf("start the operator: %w", err)
	}
	err = do(ctx, o)
	if stopped := o.stop(); err == nil && stopped != nil {
		err = fmt.Errorf("stop the operator: %w", stopped)
	}
	return err
}
