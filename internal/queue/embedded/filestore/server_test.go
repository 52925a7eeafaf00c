package filestore_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/embedded/filestore"
)

const (
	streamName = "JOURNAL"
	subject    = "test.journal"
	// smallestBlocks is a limit at which the server makes blocks of 32 kB, its smallest.
	smallestBlocks = 120_000
	messages       = 90
	messageBytes   = 1000
)

// store is a directory with the stream of a real server.
type store struct {
	t   *testing.T
	dir string
	filestore.Stream
}

// newStore writes a stream of four blocks and ends the server without its index of the last ones,
// as SIGKILL does.
func newStore(t *testing.T) *store {
	t.Helper()
	dir := t.TempDir()
	s := &store{t: t, dir: dir, Stream: filestore.Stream{
		Dir:  filepath.Join(dir, "jetstream", "$G", "streams", streamName),
		Name: streamName, Subject: subject,
	}}
	s.serve(func(js jetstream.JetStream, _ jetstream.Stream) {
		for i := range messages {
			if _, err := js.Publish(t.Context(), subject, text(uint64(i+1))); err != nil {
				t.Fatal(err)
			}
		}
	})
	return s
}

func text(seq uint64) []byte {
	return fmt.Appendf(nil, "%d:%s", seq, strings.Repeat("x", messageBytes))
}

func (s *store) config() jetstream.StreamConfig {
	return jetstream.StreamConfig{Name: streamName, Subjects: []string{subject}, MaxBytes: smallestBlocks, AllowDirect: true}
}

// meta returns the server's meta file of the stream.
func (s *store) meta() []byte {
	s.t.Helper()
	meta, err := json.Marshal(server.FileStreamInfo{Created: time.Now().UTC(), StreamConfig: server.StreamConfig{
		Name: streamName, Subjects: []string{subject}, MaxBytes: smallestBlocks, AllowDirect: true,
		Storage: server.FileStorage, Replicas: 1, MaxMsgs: -1, MaxMsgSize: -1, MaxMsgsPer: -1, MaxConsumers: -1,
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return meta
}

// serve runs a server on the files while fn does.
func (s *store) serve(fn func(jetstream.JetStream, jetstream.Stream)) {
	s.t.Helper()
	srv, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, JetStream: true, StoreDir: s.dir, SyncAlways: true, DisableJetStreamBanner: true,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	srv.Start()
	defer srv.WaitForShutdown()
	defer srv.Shutdown()
	if !srv.ReadyForConnections(time.Minute) {
		s.t.Fatal("the server does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		s.t.Fatal(err)
	}
	stream, err := js.CreateOrUpdateStream(s.t.Context(), s.config())
	if err != nil {
		s.t.Fatal(err)
	}
	fn(js, stream)
}

// served returns the messages that a server finds, and its last number.
func (s *store) served() (found map[uint64]bool, last uint64) {
	s.t.Helper()
	found = map[uint64]bool{}
	s.serve(func(js jetstream.JetStream, stream jetstream.Stream) {
		info, err := stream.Info(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		last = info.State.LastSeq
		for seq := uint64(1); seq <= last; seq++ {
			m, err := stream.GetMsg(s.t.Context(), seq)
			if err != nil {
				continue
			}
			if string(m.Data) != string(text(seq)) {
				s.t.Errorf("message %d is another one", seq)
			}
			found[seq] = true
		}
		if uint64(len(found)) != info.State.Msgs {
			s.t.Errorf("the server counts %d messages and has %d", info.State.Msgs, len(found))
		}
		ack, err := js.Publish(s.t.Context(), subject, text(last+1))
		if err != nil || ack.Sequence != last+1 {
			s.t.Errorf("append after message %d: %+v, %v", last, ack, err)
		}
	})
	return found, last
}

func (s *store) block(n int) string { return filepath.Join(s.Dir, "msgs", fmt.Sprintf("%d.blk", n)) }

func (s *store) read(path string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

func (s *store) write(path string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) remove(path string) {
	s.t.Helper()
	if err := os.Remove(path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) check() filestore.Report {
	s.t.Helper()
	report, err := s.Check(s.t.Context(), func(int64, int64) {})
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

// fix returns parameters that record the names of kept files.
func fix(s *store, last uint64, kept *[]string) filestore.Fix {
	return filestore.Fix{Meta: s.meta(), Last: last, Keep: func(path string) error {
		if _, err := os.Stat(path); err != nil {
			s.t.Errorf("what is to be kept is not there: %v", err)
		}
		*kept = append(*kept, filepath.Base(path))
		return nil
	}}
}
