package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/natslog"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/queue/wal/waltest"
)

func TestLogContract(t *testing.T) {
	c := sharedCluster(t)
	waltest.Run(t, func(t testing.TB, dir string) wal.Log {
		t.Helper()
		opt := Options{Options: engine.Options{MaxBytes: 32 << 20}, External: External{URL: c.URL, Name: storeName(dir)}}
		if err := opt.complete(); err != nil {
			t.Fatal(err)
		}
		l, err := openLog(context.Background(), &opt, &refusals{names: opt.names(), logger: opt.Logger})
		if err != nil {
			t.Fatal(err)
		}
		return l
	})
}

// laggingStream is a stream whose consumers are on a server that lacks the last messages.
type laggingStream struct {
	jetstream.Stream
	behind uint64
}

func (s laggingStream) OrderedConsumer(ctx context.Context, c jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	consumer, err := s.Stream.OrderedConsumer(ctx, c)
	return laggingConsumer{consumer, s.behind}, err
}

type laggingConsumer struct {
	jetstream.Consumer
	behind uint64
}

func (c laggingConsumer) CachedInfo() *jetstream.ConsumerInfo {
	info := *c.Consumer.CachedInfo()
	info.NumPending -= min(c.behind, info.NumPending)
	return &info
}

func (c laggingConsumer) Messages(o ...jetstream.PullMessagesOpt) (jetstream.MessagesContext, error) {
	messages, err := c.Consumer.Messages(o...)
	return laggingMessages{messages, c.behind}, err
}

type laggingMessages struct {
	jetstream.MessagesContext
	behind uint64
}

func (m laggingMessages) Next(o ...jetstream.NextOpt) (jetstream.Msg, error) {
	next, err := m.MessagesContext.Next(o...)
	return laggingMessage{next, m.behind}, err
}

type laggingMessage struct {
	jetstream.Msg
	behind uint64
}

func (m laggingMessage) Metadata() (*jetstream.MsgMetadata, error) {
	meta, err := m.Msg.Metadata()
	if err == nil {
		meta.NumPending -= min(m.behind, meta.NumPending)
	}
	return meta, err
}

// TestReplayFromAServerThatLagsBehind: the messages are stored, and the server of the consumer does not have the last
// ones yet, or none.
func TestReplayFromAServerThatLagsBehind(t *testing.T) {
	js := standalone(t)
	config := natslog.Config("JOURNAL", "journal", 1<<30)
	config.DenyDelete = false
	stream, err := js.CreateStream(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	l := &natsLog{
		Stream: &natslog.Stream{JS: js}, names: names{subject: "journal"}, conn: js.Conn(),
		logger: logr.Discard(), refused: &refusals{}, timeout: time.Minute,
	}
	const messages, gone = 2*fewMessages + 10, fewMessages + 5 // a stretch is damaged
	var want []uint64
	for seq := range uint64(messages) {
		if _, err := l.Append(t.Context(), []byte("x"), seq); err != nil {
			t.Fatal(err)
		}
	}
	for seq := uint64(1); seq <= messages; seq++ {
		if seq == 1 || seq > 1+gone {
			want = append(want, seq)
		} else if err := stream.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	for _, behind := range []uint64{2, messages} {
		l.Stream.Stream = laggingStream{stream, behind}
		var got []uint64
		err := l.Replay(t.Context(), 1, func(seq uint64, _ []byte) error { got = append(got, seq); return nil })
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%d behind: %v; replayed (-want +got):\n%s", behind, err, diff)
		}
	}
}

// standalone runs a server in this process.
func standalone(t *testing.T) jetstream.JetStream {
	t.Helper()
	srv, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(), DisableJetStreamBanner: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	return client(t, "", nats.InProcessServer(srv))
}
