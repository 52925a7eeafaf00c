package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/travishook/travishook/internal/queue/embedded/filestore"
	"github.com/travishook/travishook/internal/queue/natslog"
)

// progressInterval is how often the check of a large store reports how far it has come.
const progressInterval = 5 * time.Second

// prepare checks the server's files and repairs them before the server starts, because the server would
// cut off everything after a damaged record. See docs/operations/recovery.md.
func (l *embedded) prepare(ctx context.Context) error {
	stream := l.dir.stream()
	begin := time.Now()
	report, err := stream.Check(ctx, l.progress())
	if err != nil {
		return err
	}
	l.log.V(1).Info("store files are checked", "messages", report.Messages, "first", report.First, "last", report.Last,
		"bytes", report.Bytes, "took", time.Since(begin).Round(time.Millisecond).String())
	aside := l.damaged()
	meta, err := streamMeta(l.maxBytes)
	if err != nil {
		return err
	}
	mark, found := l.mark.get()
	err = stream.Repair(report, filestore.Fix{Meta: meta, Last: mark.Last, KeepTorn: !found, Keep: aside.keep})
	for _, f := range report.Files {
		l.log.Info("store file is damaged", "file", f.Name, "problem", f.Problem, "kept", aside.path)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the volume is full, and damaged files are not changed before they are kept: free a few megabytes, or enlarge the volume: %w", err)
	}
	return err
}

// damaged returns a new folder for damaged files, which is created when the first one is kept.
func (l *embedded) damaged() *damagedFolder {
	return &damagedFolder{dir: l.dir.path, limit: damagedLimit(l.maxBytes), log: l.log}
}

// progress reports now and then how far the check is.
func (l *embedded) progress() func(read, total int64) {
	next := time.Now().Add(progressInterval)
	return func(read, total int64) {
		if time.Now().Before(next) {
			return
		}
		next = time.Now().Add(progressInterval)
		l.log.Info("store files are being checked", "bytes", read, "total", total)
	}
}

// streamMeta returns the server's file of the stream's configuration.
func streamMeta(maxBytes int64) ([]byte, error) {
	text, err := json.Marshal(natslog.Config(streamName, subject, maxBytes))
	if err != nil {
		return nil, fmt.Errorf("describe stream: %w", err)
	}
	info := server.FileStreamInfo{Created: time.Now().UTC()}
	if err := json.Unmarshal(text, &info.StreamConfig); err != nil {
		return nil, fmt.Errorf("describe stream: %w", err)
	}
	text, err = json.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("describe stream: %w", err)
	}
	return text, nil
}
