package cluster

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestAStreamThatWasLost: a deleted stream is created again, and the mark outside of the cluster shows what
// is missing.
func TestAStreamThatWasLost(t *testing.T) {
	c := sharedCluster(t)
	opt := externalOptions(c, storeName(t.Name()))
	r, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	for build := range int64(3) {
		accept(t, r, build+1)
	}
	known := r.HighWater()
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	deleteStream(t, c.URL, opt.names().stream)
	opt.Known = &known
	r, err = Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	losses := r.Losses()
	if len(losses) != 1 || losses[0].Waited != 3 || losses[0].Messages == 0 || !strings.Contains(losses[0].Cause, "stream was deleted") {
		t.Errorf("losses %+v, want one of the three deliveries that waited", losses)
	}
	accept(t, r, 10)
}

func deleteStream(t *testing.T, url, name string) {
	t.Helper()
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err == nil {
		err = js.DeleteStream(t.Context(), name)
	}
	if err != nil {
		t.Fatal(err)
	}
}
