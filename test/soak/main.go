// Soak shows that nothing is lost: it posts signed webhooks through the real receiver while it repeatedly kills
// the receiving process at random moments, with channels that fail, stall and lose their answers. At the end it
// compares everything that was answered 202 with what the channels received, on both engines of the store.
// docs/reliability.md explains the figures.
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

var (
	errBroken = errors.New("a promise was broken")
	errTooFew = errors.New("too few were killed to call it passed")
	errEngine = errors.New("-engine is one of embedded, external and both")
	errWhole  = errors.New("-operator kills the whole operator on the embedded store only")
)

// The engines by default, and how long a victim lives on each: on the cluster, its channels wait
// for its lease to run out.
const (
	both         = "both"
	lifeEmbedded = time.Second
	lifeExternal = 9 * time.Second
)

// plan is the parsed command line.
type plan struct {
	options
	shared      shared
	engines     string
	parent      string // of the folders of runs
	fewestKills int
}

func command(ctx context.Context, args []string, out, progress io.Writer) error {
	p := plan{options: options{say: func(format string, args ...any) { fmt.Fprintf(progress, format+"\n", args...) }}}
	if err := p.flags(progress).Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if p.whole && p.engines == both {
		p.engines = victim.Embedded
	}
	switch {
	case p.whole && p.engines != victim.Embedded:
		return errWhole
	case p.engines == both:
		return errors.Join(p.soak(ctx, victim.Embedded, out), p.soak(ctx, victim.External, out))
	case p.engines == victim.Embedded || p.engines == victim.External:
		return p.soak(ctx, p.engines, out)
	}
	return errEngine
}

func (p *plan) flags(progress io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&p.engines, "engine", both, "the store's engine: embedded, external (on a NATS cluster of three servers), or both in turn")
	flags.DurationVar(&p.span, "duration", 10*time.Minute, "how long to post and kill, on each engine")
	flags.DurationVar(&p.life, "life", 0, fmt.Sprintf("how long a process lives on average (default %s, external %s)", lifeEmbedded, lifeExternal))
	flags.IntVar(&p.fewestKills, "kills", 0, "how many processes must be killed for a run to be called passed (default a third of those that -duration and -life stand for, at most 50)")
	flags.Float64Var(&p.rate, "rate", 100, "webhooks a second")
	flags.IntVar(&p.teams, "teams", 104, "teams, each with a repository and two channels")
	flags.DurationVar(&p.patient, "patience", 20*time.Minute, "how long to wait for what is left in the end")
	flags.BoolVar(&p.whole, "operator", false, "kill the whole operator, beside an API server, instead of its parts (embedded only)")
	flags.IntVar(&p.shared.replicas, "replicas", 3, "external: processes that share the store")
	flags.DurationVar(&p.shared.lease, "lease", 15*time.Second, "external: how long a killed process holds its channels")
	flags.DurationVar(&p.shared.calm, "calm", 20*time.Second, "external: how long on average until one of the NATS servers is killed, 0 for ever")
	flags.StringVar(&p.shared.root, "root", ".", "external: the project's folder, to compile nats-server from")
	flags.StringVar(&p.parent, "dir", os.TempDir(), "where the store is made")
	return flags
}

// soak makes a run and prints the result.
func (p *plan) soak(ctx context.Context, engine string, out io.Writer) (err error) {
	o := p.options
	o.engine = engine
	if engine == victim.External {
		o.shared = &p.shared
	}
	switch {
	case o.life > 0:
	case o.shared != nil:
		o.life = lifeExternal
	default:
		o.life = lifeEmbedded
	}
	if o.dir, err = os.MkdirTemp(p.parent, "travishook-soak-"); err != nil {
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
		return fmt.Errorf("%s: %w: the store and the victims' log are in %s", engine, errBroken, o.dir)
	}
	if err := os.RemoveAll(filepath.Clean(o.dir)); err != nil {
		return err
	}
	if needed := p.neededKills(&o); v.Kills < needed {
		return fmt.Errorf("%s: %w: %d, and %d are needed; let it run for longer", engine, errTooFew, v.Kills, needed)
	}
	return nil
}

// neededKills returns how many processes must be killed. A busy machine starts them more slowly.
func (p *plan) neededKills(o *options) int {
	if p.fewestKills > 0 {
		return p.fewestKills
	}
	return min(50, o.replicas()*int(o.span/o.life)/3)
}
