package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/travis"
)

// benchmarkEvent takes 1.5 kB in the log, about as much as a build of six jobs.
func benchmarkEvent() travis.Event {
	e := queuetest.Event(rand.Int64(), travis.Passed)
	e.Commit.Message = strings.Repeat("a line of text ", 50)
	return e
}

func parallel(b *testing.B, do func() error) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			work := make(chan struct{}, callers)
			failed := make(chan error, callers)
			for range callers {
				go func() {
					var err error
					for range work {
						if err == nil {
							err = do()
						}
					}
					failed <- err
				}()
			}
			b.ResetTimer()
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			for range callers {
				if err := <-failed; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkAccept stores events, each synced to disk before Accept returns.
func BenchmarkAccept(b *testing.B) {
	s := openStore(b, b.TempDir(), clock.RealClock{})
	defer func() { _ = s.Close(context.Background()) }()
	target := queuetest.Target("builds", "#builds")
	parallel(b, func() error {
		_, err := s.Accept(context.Background(), queue.Acceptance{
			Event: benchmarkEvent(), Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{target}}},
		})
		return err
	})
}

// BenchmarkPlainPublish publishes the same events to a stream of the same kind, one by one.
func BenchmarkPlainPublish(b *testing.B) {
	s, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, JetStream: true, StoreDir: b.TempDir(), SyncAlways: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	js, err := natsjs.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(context.Background(), natsjs.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		b.Fatal(err)
	}
	parallel(b, func() error {
		data, err := json.Marshal(benchmarkEvent())
		if err != nil {
			return err
		}
		_, err = js.Publish(context.Background(), "s", data)
		return err
	})
}

// BenchmarkAcceptAndDeliver stores events while they are delivered and settled at once, with and without
// the delay by which settlements share the sync of acceptances.
func BenchmarkAcceptAndDeliver(b *testing.B) {
	for name, delay := range map[string]time.Duration{"own-sync": -1, "shared-sync": 0} {
		b.Run(name, func(b *testing.B) {
			s := mustOpen(b, b.TempDir(), engine.Options{SettleDelay: delay})
			defer func() { _ = s.Close(context.Background()) }()
			ctx, stop := context.WithCancel(context.Background())
			var senders sync.WaitGroup
			defer senders.Wait()
			defer stop()
			for range 32 {
				senders.Go(func() {
					for ctx.Err() == nil {
						d, err := s.Take(ctx, queue.Healthy)
						if err == nil {
							err = s.Settle(context.Background(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()})
						}
						if err != nil && ctx.Err() == nil {
							b.Error(err)
						}
					}
				})
			}
			parallel(b, func() error {
				event := benchmarkEvent()
				target := queuetest.Target("builds", fmt.Sprint("#", event.Build.ID%256))
				_, err := s.Accept(context.Background(), queue.Acceptance{
					Event: event, Offers: []queue.Offer{{Namespace: "team-a", Targets: []queue.Target{target}}},
				})
				return err
			})
		})
	}
}
