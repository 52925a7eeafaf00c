package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/travishook/travishook/internal/travis"
)

// least is the least that a relay with a synced store must do: a ceiling that appends each event to a plain
// file, where events that arrive together share one sync, and then posts it to a sink. It knows no routes,
// removes no duplicates, stores no outcomes, and cannot be restarted.
type least struct {
	log     *groupLog
	client  *http.Client
	sink    *sink // nil to post nothing
	posting sync.WaitGroup
}

// runLeast calls do with a new one.
func (b *benchmark) runLeast(to *sink, do func(*least) error) error {
	dir := b.newStore()
	defer os.RemoveAll(dir)
	log, err := openGroupLog(dir)
	if err != nil {
		return err
	}
	l := &least{log: log, sink: to, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	err = do(l)
	l.posting.Wait()
	l.client.CloseIdleConnections()
	return errors.Join(err, log.close())
}

// relayLeast measures it as relayOnce measures the operator.
func (b *benchmark) relayLeast(ctx context.Context, rate int) (took delays, err error) {
	sink, err := openSink(0)
	if err != nil {
		return nil, err
	}
	defer sink.close()
	err = b.runLeast(sink, func(l *least) error {
		address, stop, err := (&ceiling{keep: l.keep}).serve()
		if err != nil {
			return err
		}
		defer stop()
		to, supply := relayed{address, sink, http.StatusAccepted}, b.supply()
		if _, err := relay(ctx, to, supply.take(b.liveChannels), busyRate); err != nil {
			return err
		}
		took, err = relay(ctx, to, supply.during(b.quiet, rate), rate)
		return err
	})
	return took, err
}

// keep stores an event, and posts it without keeping the caller.
func (l *least) keep(_ context.Context, e *travis.Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := l.log.append(data); err != nil || l.sink == nil {
		return err
	}
	l.posting.Go(func() { l.post(data) })
	return nil
}

func (l *least) post(data []byte) {
	response, err := l.client.Post(l.sink.url+"/take/", "application/json", bytes.NewReader(data))
	if err != nil {
		return // the sink misses it, and says so
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

// groupLog is a file to which concurrent callers append with one sync.
type groupLog struct {
	file    *os.File
	mu      sync.Mutex
	next    *batch
	work    chan struct{}
	stopped chan struct{}
}

type batch struct {
	data []byte
	done chan struct{}
	err  error
}

func openGroupLog(dir string) (*groupLog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the plain log: %w", err)
	}
	file, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("open the plain log: %w", err)
	}
	g := &groupLog{file: file, next: newBatch(), work: make(chan struct{}, 1), stopped: make(chan struct{})}
	go g.run()
	return g, nil
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

func (g *groupLog) append(data []byte) error {
	g.mu.Lock()
	mine := g.next
	mine.data = append(append(mine.data, data...), '\n')
	g.mu.Unlock()
	select {
	case g.work <- struct{}{}:
	default:
	}
	<-mine.done
	return mine.err
}

func (g *groupLog) run() {
	defer close(g.stopped)
	for range g.work {
		g.mu.Lock()
		now := g.next
		g.next = newBatch()
		g.mu.Unlock()
		if _, now.err = g.file.Write(now.data); now.err == nil {
			now.err = g.file.Sync()
		}
		close(now.done)
	}
}

func (g *groupLog) close() error {
	close(g.work)
	<-g.stopped
	return g.file.Close()
}
