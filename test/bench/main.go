// The benchmark measures travishook on this machine, beside the best that the machine could do, and prints
// the figures as Markdown. `make bench` also writes them to docs/performance.md, which explains them.
//
// Everything runs in one process and over the loopback interface. Compared subjects are measured in turn, in
// several short rounds, and the median counts: machines are noisy, and a ratio of adjacent measurements is
// more meaningful than a figure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	testing.Init() // testing.Benchmark reads its flags
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	parts   []part
	sizes   sizes
	dir     string // where stores are made
	write   string // Markdown file that gets the figures; empty for none
	profile string // file that gets a CPU profile; empty for none
}

func parseOptions(args []string, errors io.Writer) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errors)
	var o options
	names := flags.String("parts", "all", "what to measure: all, or some of "+strings.Join(partNames(), ","))
	quick := flags.Bool("quick", false, "take everything small: shows in seconds that it works, and nothing of speed")
	rounds := flags.Int("rounds", 0, "how often each figure is measured (default 3)")
	span := flags.Duration("span", 0, "how long one measurement takes (default 1s)")
	flags.StringVar(&o.dir, "dir", os.TempDir(), "a directory on the `disk` to measure")
	flags.StringVar(&o.write, "write", "", "a Markdown `file` to put the figures into, between its markers")
	flags.StringVar(&o.profile, "cpuprofile", "", "a `file` for a CPU profile of what is measured")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.sizes = fullSizes
	if *quick {
		o.sizes = quickSizes
	}
	if *rounds > 0 {
		o.sizes.rounds = *rounds
	}
	if *span > 0 {
		o.sizes.span = *span
	}
	var err error
	o.parts, err = partsNamed(*names)
	return o, err
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parseOptions(args, progress)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := measure(ctx, o, progress)
	if err != nil {
		return err
	}
	fmt.Fprint(out, text)
	if o.write == "" {
		return nil
	}
	return writeBetweenMarkers(o.write, text)
}
