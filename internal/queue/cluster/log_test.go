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

// behind is how many of the last messages the server of a consumer lacks in the following test.
const behind = 2

// laggingStream is a stream whose consumers are on a server that lags behind.
type laggingStream struct{ jetstream.Stream }

func (s laggingStream) OrderedConsumer(ctx context.Context, c jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	consumer, err := s.Stream.OrderedConsumer(ctx, c)
	return laggingConsumer{consumer}, err
}

type laggingConsumer struct{ jetstream.Consumer }

func (c laggingConsumer) CachedInfo() *jetstream.ConsumerInfo {
	info := *c.Consumer.CachedInfo()
	info.NumPending -= behind
	return &info
}

func (c laggingConsumer) Messages(o ...jetstream.PullMessagesOpt) (jetstream.MessagesContext, error) {
	messages, err := c.Consumer.Messages(o...)
	return laggingMessages{messages}, err
}

type laggingMessages struct{ jetstream.MessagesContext }

func (m laggingMessages) Next(o ...jetstream.NextOpt) (jetstream.Msg, error) {
	next, err := m.MessagesContext.Next(o...)
	return laggingMessage{next}, err
}

type laggingMessage struct{ jetstream.Msg }

func (m laggingMessage) Metadata() (*jetstream.MsgMetadata, error) {
	meta, err := m.Msg.Metadata()
	if err == nil {
		meta.NumPending -= behind
	}
	return meta, err
}

// TestReplayFromAServerThatLagsBehind: the last messages are stored, and the server of the consumer does not have
// them yet.
func TestReplayFromAServerThatLagsBehind(t *testing.T) {
	srv, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(), DisableJetStreamBanner: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(srv))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), natslog.Config("JOURNAL", "journal", 1<<30))
	if err != nil {
		t.Fatal(err)
	}
	l := &natsLog{
		Stream: &natslog.Stream{JS: js, Stream: laggingStream{stream}}, conn: conn, names: names{subject: "journal"},
		logger: logr.Discard(), refused: &refusals{}, timeout: time.Minute,
	}
	var want, got []uint64
	for seq := range uint64(fewMessages + 10) {
		if _, err := l.Append(t.Context(), []byte("x"), seq); err != nil {
			t.Fatal(err)
		}
		want = append(want, seq+1)
	}
	err = l.Replay(t.Context(), 1, func(seq uint64, _ []byte) error { got = append(got, seq); return nil })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; replayed (-want +got):\n%s", err, diff)
	}
}
