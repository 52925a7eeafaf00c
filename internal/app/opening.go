package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-logr/logr"

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
)

// opening answers the probes while the store opens, which takes a while if the store is large or the volume
// is full: the liveness probe succeeds and the readiness probe fails. The manager takes over the port afterwards.
type opening struct {
	settings settings.Settings
	log      logr.Logger
	reason   atomic.Pointer[string] // why the store could not be opened at the last attempt
}

// run repeats open while it reports a full volume.
func (o *opening) run(ctx context.Context, open func(context.Context) error) error {
	answering, stop := context.WithCancel(ctx)
	var answers sync.WaitGroup
	answers.Go(func() { o.answer(answering) })
	defer answers.Wait()
	defer stop()
	for {
		err := open(ctx)
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		o.log.Error(err, "store cannot be opened; retrying", "pause", openingRetry.String())
		o.reason.Store(new("the store cannot be opened: " + err.Error()))
		select {
		case <-time.After(openingRetry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answer serves the probes from openingPatience on until ctx ends.
func (o *opening) answer(ctx context.Context) {
	select {
	case <-time.After(openingPatience):
	case <-ctx.Done():
		return
	}
	var under sync.WaitGroup
	defer under.Wait()
	under.Go(func() { o.serve(ctx, o.probes()) })
	begin := time.Now()
	report := time.NewTicker(openingReport)
	defer report.Stop()
	for {
		select {
		case <-report.C:
			o.log.Info("store is being opened; webhooks are answered 503", "since", time.Since(begin).Round(time.Second).String())
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
	mux.HandleFunc("/", o.notReady)
	return receiver.ServerOptions{Address: o.settings.Probes.Address, Handler: mux}
}

// notReady answers the readiness probe with the reason.
func (o *opening) notReady(w http.ResponseWriter, _ *http.Request) {
	reason := "the store is being opened"
	if last := o.reason.Load(); last != nil {
		reason = *last
	}
	http.Error(w, "[-]ready failed: "+reason, notReadyStatus)
}
