package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/wal"
)

// TestASettingThatDiffersStopsTheStart upgrades a store with other settings while a replica of the old
// version runs on it.
func TestASettingThatDiffersStopsTheStart(t *testing.T) {
	c := sharedCluster(t)
	for name, other := range map[string]struct {
		stream func(*jetstream.StreamConfig)
		bucket func(*jetstream.KeyValueConfig)
		want   string
	}{
		"fewer copies": {
			func(s *jetstream.StreamConfig) { s.Replicas = 1 },
			func(b *jetstream.KeyValueConfig) { b.Replicas = 1 }, "replicas set to 1 where travishook needs 3",
		},
		"fewer copies of the leases": {nil, func(b *jetstream.KeyValueConfig) { b.Replicas = 1 }, "replicas set to 1 where travishook needs 3"},
		"direct reads":               {func(s *jetstream.StreamConfig) { s.AllowDirect = true }, nil, "allow_direct set to true"},
		"an age":                     {func(s *jetstream.StreamConfig) { s.MaxAge = time.Hour }, nil, "max_age set to 1h0m0s"},
		"a number":                   {func(s *jetstream.StreamConfig) { s.MaxMsgs = 1000 }, nil, "max_msgs set to 1000"},
		"another subject": {
			func(s *jetstream.StreamConfig) { s.Subjects = append(s.Subjects, s.Subjects[0]+".more") }, nil, "subjects set to",
		},
		"old ones that give way": {func(s *jetstream.StreamConfig) { s.Discard = jetstream.DiscardOld }, nil, "discard set to DiscardOld"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := externalOptions(c, storeName(t.Name()+t.TempDir()))
			old := openOptions(t, opt)
			defer closeNow(t, old)
			accept(t, old, 1)
			l := old.log.(*natsLog)
			if other.stream != nil {
				config := streamConfig(l.names, wal.Capacity(opt.MaxBytes), 3)
				other.stream(&config)
				if _, err := l.JS.UpdateStream(t.Context(), config); err != nil {
					t.Fatal(err)
				}
			}
			if other.bucket != nil {
				config := bucketConfig(l.names.leases, &opt)
				other.bucket(&config)
				if _, err := l.JS.UpdateKeyValue(t.Context(), config); err != nil {
					t.Fatal(err)
				}
			}
			accept(t, old, 2)
			refusesToOpen(t, opt, other.want, "store.external.adopt")
			opt.External.Adopt = true
			first := openOptions(t, opt)
			defer closeNow(t, first)
			accept(t, old, 3)
			accept(t, first, 4)
			opt.External.Adopt = false
			second := openOptions(t, opt)
			defer closeNow(t, second)
			for _, e := range []*Replica{old, first, second} {
				if err := e.Put(t.Context(), "test", "barrier", []byte("applied")); err != nil {
					t.Fatal(err)
				}
				if n := len(e.Deliveries(queue.Query{})); n != 4 {
					t.Errorf("a replica knows %d deliveries after the stream was adopted, want 4", n)
				}
			}
		})
	}
}

// TestASettingThatStaysStopsTheStart: what the server cannot change is an error that names it, with
// adopt, too, and nothing is lost by trying.
func TestASettingThatStaysStopsTheStart(t *testing.T) {
	c := sharedCluster(t)
	for name, other := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"memory":       {func(s *jetstream.StreamConfig) { s.Storage = jetstream.MemoryStorage }, "storage"},
		"no purge":     {func(s *jetstream.StreamConfig) { s.DenyPurge = true }, "deny_purge"},
		"a work queue": {func(s *jetstream.StreamConfig) { s.Retention = jetstream.WorkQueuePolicy }, "retention"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := externalOptions(c, storeName(t.Name()+t.TempDir()))
			if err := opt.complete(); err != nil {
				t.Fatal(err)
			}
			js := client(t, c.URL)
			config := streamConfig(opt.names(), wal.Capacity(opt.MaxBytes), 3)
			other.change(&config)
			if _, err := js.CreateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			if _, err := js.Publish(t.Context(), config.Subjects[0], nil); err != nil {
				t.Fatal(err)
			}
			refusesToOpen(t, opt, other.want+" set to", "store.external.adopt")
			opt.External.Adopt = true
			refusesToOpen(t, opt, "change "+other.want+" of stream "+config.Name)
			stream, err := js.Stream(t.Context(), config.Name)
			if err != nil {
				t.Fatal(err)
			}
			if n := stream.CachedInfo().State.Msgs; n != 1 {
				t.Errorf("%d messages are left, want the one", n)
			}
		})
	}
}

func accept(t *testing.T, e *Replica, build int64) {
	t.Helper()
	receipt, err := e.Accept(t.Context(), acceptance(build, "#a"))
	if err != nil {
		t.Fatal(err)
	}
	if len(receipt.Stored) != 1 {
		t.Fatalf("receipt %+v, want that it was stored", receipt)
	}
}

func refusesToOpen(t *testing.T, opt Options, wants ...string) {
	t.Helper()
	e, err := Open(t.Context(), opt)
	if err == nil {
		closeNow(t, e)
		t.Fatal("opened")
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q in it", err, want)
		}
	}
}

func client(t *testing.T, url string, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}
