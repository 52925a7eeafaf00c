package simulation

import (
	"fmt"
	"hash/fnv"
	"io"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
)

// trace is everything that a run did, in order: as a hash, to compare two runs of one seed, and as
// text if it is printed.
type trace struct {
	mu    sync.Mutex
	hash  uint64
	out   io.Writer // nil if nothing is printed
	begin time.Time
}

func newTrace(out io.Writer) *trace { return &trace{out: out, begin: time.Now()} }

// note writes what a process did.
func (t *trace) note(p *process, format string, args ...any) {
	t.say("process %d: "+format, append([]any{p.number}, args...)...)
}

// say writes what happened.
func (t *trace) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%14s ", time.Since(t.begin)) + fmt.Sprintf(format, args...)
	h := fnv.New64a()
	_, _ = io.WriteString(h, line)
	t.hash = mix(t.hash ^ h.Sum64())
	if t.out != nil {
		fmt.Fprintln(t.out, line)
	}
}

// logger writes what a process logs, if it is printed.
func (t *trace) logger(p *process) logr.Logger {
	if t.out == nil {
		return logr.Discard()
	}
	return funcr.New(func(prefix, args string) {
		t.mu.Lock()
		defer t.mu.Unlock()
		fmt.Fprintf(t.out, "%14s process %d logs: %s %s\n", time.Since(t.begin), p.number, prefix, args)
	}, funcr.Options{Verbosity: 1})
}
