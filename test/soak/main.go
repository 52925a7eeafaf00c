// Soak shows that nothing is lost: it posts signed webhooks through the real receiver while it kills
// the process that takes them, again and again at a moment of no one's choosing, with rooms that
// fail, stall and lose their answers. In the end, everything that was answered 202 is held
// against what the rooms got. docs/reliability.md tells what the figures mean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/travishook/travishook/test/soak/victim"
)

func main() {
	victim.RunIfAsked()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

var errBroken = errors.New("a promise was broken")

func command(ctx context.Context, args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(progress)
	o := options{say: func(format string, args ...any) { fmt.Fprintf(progress, format+"\n", args...) }}
	flags.DurationVar(&o.span, "duration", 10*time.Minute, "how long to post and kill")
	flags.DurationVar(&o.life, "life", time.Second, "how long a process lives on average")
	flags.Float64Var(&o.rate, "rate", 100, "webhooks a second")
	flags.IntVar(&o.teams, "teams", 104, "teams, each with a repository and two rooms")
	flags.DurationVar(&o.patient, "patience", 20*time.Minute, "how long to wait for what is left in the end")
	flags.StringVar(&o.engine, "engine", victim.Embedded, "the store's engine")
	flags.BoolVar(&o.whole, "operator", false, "kill the whole operator, beside an API server, instead of its parts")
	dir := flags.String("dir", os.TempDir(), "where the store is made")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	var err error
	if o.dir, err = os.MkdirTemp(*dir, "travishook-soak-"); err != nil {
		return err
	}
	v, err := run(ctx, o)
	if err != nil {
		return err
	}
	if err := v.print(out); err != nil {
		return err
	}
	if !v.right() {
		return fmt.Errorf("%w: the store and the victims' log are in %s", errBroken, o.dir)
	}
	return os.RemoveAll(filepath.Clean(o.dir))
}
