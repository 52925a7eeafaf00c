package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded/filestore"
	"github.com/travishook/travishook/internal/queue/engine"
)

// An event is stored although the files cannot be checked for a moment, and it is not said that they were removed.
func TestACheckThatFailsForAMoment(t *testing.T) {
	s := mustOpen(t, t.TempDir(), engine.Options{IOTimeout: time.Hour})
	defer closeNow(t, s)
	acceptAndTake(t, s)
	fails := make(chan string, 10)
	s.log.log = logTo(fails)
	s.log.tail = &filestore.Tail{Stream: s.log.dir.stream()} // it has to open the block again
	lift := limitOpenFiles(t)
	accepted := make(chan error, 1)
	go func() {
		_, err := s.Accept(t.Context(), acceptance(2, "#a"))
		accepted <- err
	}()
	if line := <-fails; !strings.Contains(line, "cannot be checked") || !strings.Contains(line, "too many open files") {
		t.Errorf("the log has %s", line)
	}
	lift()
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	if len(fails) > 0 {
		t.Errorf("the log has %s", <-fails)
	}
}

// An event is refused if it cannot be found out whether it is stored.
func TestACheckThatFailsForLong(t *testing.T) {
	s := mustOpen(t, t.TempDir(), engine.Options{IOTimeout: 5 * time.Second})
	defer closeNow(t, s)
	acceptAndTake(t, s)
	s.log.tail = &filestore.Tail{Stream: s.log.dir.stream()}
	lift := limitOpenFiles(t)
	_, err := s.Accept(t.Context(), acceptance(2, "#a"))
	lift()
	if !errors.Is(err, queue.ErrUnavailable) || errors.Is(err, ErrRemoved) || !strings.Contains(err.Error(), "too many open files") {
		t.Errorf("refused with %v", err)
	}
	awaitReady(t, s)
}

// The reason is reported although the disk does not answer any more in the end.
func TestTheReasonOfAFailedCheckIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &embedded{log: logr.Discard()}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		answers := make(chan error, 1)
		answers <- syscall.EMFILE
		err := l.check(ctx, func() error { return <-answers })
		if !errors.Is(err, syscall.EMFILE) {
			t.Errorf("the check returns %v", err)
		}
		close(answers)
	})
}

// A restart that nobody waits for any more does not end a server that works.
func TestALateRestartIsNotMade(t *testing.T) {
	s := openDir(t, t.TempDir())
	defer closeNow(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.log.restart(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the restart returns %v", err)
	}
	acceptAndTake(t, s)
}

// Another process does not get the store while the server may still write to it.
func TestTheLockIsHeldUntilTheServerHasEnded(t *testing.T) {
	dir, ended := t.TempDir(), make(chan error, 1)
	s := openDir(t, dir)
	s.log.server.SetLoggerV2(newServerLog(funcr.New(func(_, line string) {
		if strings.Contains(line, "Server Exiting") {
			_, err := TryLock(dir)
			ended <- err
		}
	}, funcr.Options{Verbosity: 1})), false, false, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Close(ctx)
	if err := <-ended; !errors.As(err, new(*InUseError)) {
		t.Errorf("the lock is released before (%v)", err)
	}
	eventually(t, "the lock is released", func() bool {
		lock, err := TryLock(dir)
		return err == nil && lock.Release() == nil
	})
}

// A disk that hangs blocks neither the store's report nor its end.
func TestADiskThatHangsDoesNotBlockTheEnd(t *testing.T) {
	for name, hang := range map[string]func(t *testing.T, s *store) (resume func()){
		"a read of the newest block": func(t *testing.T, s *store) func() {
			block := filepath.Join(s.log.dir.stream().Dir, "msgs", "1.blk")
			if err := errors.Join(os.Rename(block, block+".away"), syscall.Mkfifo(block, 0o600)); err != nil {
				t.Fatal(err)
			}
			return func() {
				writer, err := os.OpenFile(block, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = writer.Close() })
			}
		},
		"a write of the mark": func(t *testing.T, s *store) func() {
			remove(t, filepath.Join(s.log.dir.path, markName))
			s.log.mark.writing.Lock()
			return s.log.mark.writing.Unlock
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir, engine.Options{IOTimeout: 5 * time.Second})
			acceptAndTake(t, s)
			resume := hang(t, s)
			_, _ = s.Accept(t.Context(), acceptance(2, "#a"))
			eventually(t, "it is reported", func() bool { return errors.Is(s.Ready(), queue.ErrUnavailable) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_ = s.Close(ctx)
			resume()
			eventually(t, "the lock is released", func() bool {
				lock, err := TryLock(dir)
				return err == nil && lock.Release() == nil
			})
		})
	}
}

// A store that another process has taken is not changed.
func TestTheStoreOfAnotherProcessIsNotPurged(t *testing.T) {
	s := openDir(t, t.TempDir())
	defer closeNow(t, s)
	deliverMany(t, s, 1, 3)
	before, err := s.log.Extent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mark, err := os.ReadFile(filepath.Join(s.log.dir.path, "high-water-mark"))
	if err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(s.log.dir.path, "lock"))
	defer func(l *Lock) { _ = l.Release() }(mustLock(t, s.log.dir.path))

	high, _ := s.log.HighWater()
	high.First = before.Last
	if err := s.log.Keep(t.Context(), high, true); !errors.Is(err, ErrRemoved) {
		t.Errorf("the mark is written: %v", err)
	}
	if err := s.log.Purge(t.Context(), before.Last); !errors.Is(err, ErrRemoved) {
		t.Errorf("purged: %v", err)
	}
	if after, err := s.log.Extent(t.Context()); err != nil || after != before {
		t.Errorf("it has %+v, %v; want %+v", after, err, before)
	}
	if now, err := os.ReadFile(filepath.Join(s.log.dir.path, "high-water-mark")); err != nil || string(now) != string(mark) {
		t.Errorf("the mark is %q, %v", now, err)
	}
}

// A file that is not the server's does not hide the block that is. The next start moves it away.
func TestAStrayBlock(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	acceptAndTake(t, s)
	msgs := filepath.Join(s.log.dir.stream().Dir, "msgs")
	copied, err := os.ReadFile(filepath.Join(msgs, "1.blk"))
	if err != nil {
		t.Fatal(err)
	}
	for stray, content := range map[string]string{"7.blk": string(copied), "8.blk": "", "9.blk": "odd"} {
		write(t, filepath.Join(msgs, stray), content)
	}
	s.log.tail = &filestore.Tail{Stream: s.log.dir.stream()}
	if _, err := s.Accept(t.Context(), acceptance(2, "#a")); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	s = openDir(t, dir)
	defer closeNow(t, s)
	if got := len(s.Deliveries(queue.Query{})); got != 2 || len(s.Losses()) > 0 {
		t.Errorf("%d deliveries, losses %v", got, s.Losses())
	}
	if _, err := s.Accept(t.Context(), acceptance(3, "#a")); err != nil {
		t.Error(err)
	}
}

// A path that leads to something odd while the store is open is named, with what to do.
func TestAnOddFileWhileTheStoreIsOpen(t *testing.T) {
	s := mustOpen(t, t.TempDir(), engine.Options{IOTimeout: 5 * time.Second})
	defer closeNow(t, s)
	acceptAndTake(t, s)
	block := filepath.Join(s.log.dir.stream().Dir, "msgs", "1.blk")
	if err := errors.Join(os.Rename(block, block+".away"), os.Mkdir(block, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), acceptance(2, "#a")); !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("refused with %v", err)
	}
	eventually(t, "the reason says what to do", func() bool {
		err := s.Ready()
		return err != nil && strings.Contains(err.Error(), block) && strings.HasSuffix(err.Error(), "move it away to go on without it")
	})
	if err := errors.Join(os.Remove(block), os.Rename(block+".away", block)); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, s)
}

// logTo passes the lines of a log to a channel, as long as there is room.
func logTo(lines chan<- string) logr.Logger {
	return funcr.New(func(_, line string) {
		select {
		case lines <- line:
		default:
		}
	}, funcr.Options{})
}

// limitOpenFiles lets the process open no more files, until the function it returns is called.
func limitOpenFiles(t *testing.T) (lift func()) {
	t.Helper()
	return limit(t, syscall.RLIMIT_NOFILE, 0)
}
