package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/settings"
)

const (
	// openingPatience is how long the store may take to open before the probes are answered meanwhile, and
	// openingReport how often the log reports that it is still opening.
	openingPatience = time.Second
	openingReport   = 10 * time.Second
	// openingRetry is the time between two attempts to open a store on a full volume.
	openingRetry = 5 * time.Second
	openingDrain = time.Second

	// handoverPoll is the time between two attempts to open a store that another process has open.
	handoverPoll = 20 * time.Millisecond
	// handoverPatience is how long the operator is ready while it holds webhooks for a store that another process has
	// open. A Deployment that replaces the other stops it within a second or so. If that one is not told to stop,
	// it was not replaced, and keeps taking webhooks.
	handoverPatience = 20 * time.Second
	// handoverGrace is how long it stays ready after the last sign that it takes over, until it is ready by itself.
	handoverGrace = 10 * time.Second
	// handoverStop is how long an operator that is told to stop while it holds webhooks goes on waiting for the store.
	handoverStop = 20 * time.Second
)

// opening answers the probes while the store opens. If another process has it open, that one is about to be replaced,
// and opening waits for it. If the store is large or the volume is full, opening takes a while. The liveness
// probe succeeds meanwhile. The manager takes over the port afterwards.
type opening struct {
	settings settings.Settings
	log      logr.Logger
	// takeOver is called before the wait for another process. It returns an error if this one cannot open the store.
	takeOver func() (signingKeys, error)
	// report is called with each reason why the operator is not ready for long.
	report func(reason string)

	mu         sync.Mutex
	reason     string      // why the readiness probe fails
	readyUntil time.Time   // the readiness probe succeeds until then
	since      time.Time   // it waits for another process; zero if it never did
	keys       signingKeys // fetched meanwhile
	keysKnown  bool        // so that the other process may be stopped

	stopping atomic.Bool // the operator was told to stop
}

// outlast returns a context that ends with ctx or, if the operator waits for another process by then, handoverStop
// later: the webhooks that it holds would be refused otherwise.
func (o *opening) outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	opening, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		o.stopping.Store(true)
		if o.waited() {
			select {
			case <-time.After(handoverStop):
			case <-opening.Done():
			}
		}
		cancel()
	})
	return opening, func() { unhook(); cancel() }
}

// waited reports whether the operator has waited for another process, and so holds webhooks.
func (o *opening) waited() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.since.IsZero()
}

// run repeats open while another process has the store open, and while it reports a full volume.
func (o *opening) run(ctx context.Context, open func(context.Context) error) error {
	answering, stop := context.WithCancel(ctx)
	waits := make(chan struct{}) // closed when it waits for another process
	var answers sync.WaitGroup
	answers.Go(func() { o.answer(answering, waits) })
	defer answers.Wait()
	defer stop()
	o.fails("the store is being opened")
	for {
		err := open(ctx)
		var pause time.Duration
		var other *embedded.InUseError
		switch {
		case errors.As(err, &other):
			if !o.waited() {
				if err := o.begin(); err != nil {
					return err
				}
				answers.Go(func() { _ = o.keys.Run(answering) })
				close(waits)
			}
			o.awaits(other.Stopping)
			pause = handoverPoll
		case errors.Is(err, syscall.ENOSPC):
			pause = openingRetry
			o.log.Error(err, "store cannot be opened; retrying", "retryIn", openingRetry.String())
			o.fails("the store cannot be opened: " + err.Error())
		default:
			o.opened()
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fails sets the reason for which the readiness probe fails.
func (o *opening) fails(reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reason, o.readyUntil = reason, time.Time{}
}

// begin begins the wait for another process.
func (o *opening) begin() error {
	keys, err := o.takeOver()
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.log.Info("another process has the store open; webhooks are held until it has stopped")
	o.since, o.keys = time.Now(), keys
	return nil
}

// awaits notes that another process has the store open, and whether it stops. It may be stopped as soon as this one
// could verify webhooks.
func (o *opening) awaits(stopping bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	unknown := o.keys.Ready()
	switch {
	case stopping:
		o.readyUntil, o.reason = time.Now().Add(handoverGrace), "another process has the store open, and is about to close it"
		return
	case !o.keysKnown && unknown == nil:
		o.keysKnown, o.readyUntil = true, time.Now().Add(handoverPatience)
	}
	o.reason = "another process has the store open, and does not stop: only one pod can use the embedded store"
	if !o.keysKnown {
		o.reason = fmt.Sprintf("another process has the store open, and keeps it until this one could verify webhooks: %v", unknown)
	}
}

// opened notes that opening has ended.
func (o *opening) opened() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return
	}
	o.readyUntil = time.Now().Add(handoverGrace)
	o.log.Info("the other process has closed the store", "waited", time.Since(o.since).Round(time.Millisecond).String())
}

// holds reports whether webhooks are held for which another process stopped, or is to be stopped: the operator must
// be ready then, because they would be refused otherwise. One that is told to stop itself gets no more of them.
func (o *opening) holds() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.stopping.Load() && time.Now().Before(o.readyUntil)
}

// answer serves the probes until ctx ends: from openingPatience on, or as soon as opening waits for another process.
func (o *opening) answer(ctx context.Context, waits <-chan struct{}) {
	select {
	case <-time.After(openingPatience):
	case <-waits:
	case <-ctx.Done():
		return
	}
	var under sync.WaitGroup
	defer under.Wait()
	under.Go(func() { o.serve(ctx, o.probes()) })
	begin := time.Now()
	again := time.NewTicker(openingReport)
	defer again.Stop()
	for reported := ""; ; {
		select {
		case <-again.C:
			reason := o.why()
			o.log.Info("store is still to be opened; webhooks wait for a while, and are then answered 503",
				"since", time.Since(begin).Round(time.Second).String(), "reason", reason)
			if reason != reported && !o.holds() {
				o.report(reason)
				reported = reason
			}
		case <-ctx.Done():
			return
		}
	}
}

func (o *opening) serve(ctx context.Context, options receiver.ServerOptions) {
	if options.Address == "" {
		return
	}
	options.Drain, options.Log = openingDrain, o.log
	server, err := receiver.NewServer(options)
	if err == nil {
		err = server.Listen()
	}
	if err == nil {
		err = server.Serve(ctx)
	}
	if err != nil {
		o.log.Error(err, "port is not served while the store is being opened", "address", options.Address)
	}
}

func (o *opening) probes() receiver.ServerOptions {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	mux.HandleFunc("/", o.readyz)
	return receiver.ServerOptions{Address: o.settings.Probes.Address, Handler: mux}
}

// readyz answers the readiness probe.
func (o *opening) readyz(w http.ResponseWriter, _ *http.Request) {
	if o.holds() {
		_, _ = io.WriteString(w, "ok")
		return
	}
	http.Error(w, "[-]ready failed: "+o.why(), notReadyStatus)
}

func (o *opening) why() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reason
}
