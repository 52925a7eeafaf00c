package controllers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/kubernetes/fake"
)

// TestATermEndsBeforeTheWriterDoes: nothing is written after the writer has returned, because the store is closed then.
func TestATermEndsBeforeTheWriterDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lease := Lease{Client: fake.NewClientset().CoordinationV1(), Namespace: "system", Log: logr.Discard()}
		ctx, stop := context.WithCancel(t.Context())
		begun, finish, returned := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			returned <- lease.hold(ctx, func(ctx context.Context) {
				close(begun)
				<-ctx.Done()
				<-finish
			})
		}()
		<-begun
		stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		select {
		case err := <-returned:
			t.Fatalf("it returned (%v) before the term", err)
		default:
		}
		close(finish)
		if err := <-returned; err != nil {
			t.Error(err)
		}
	})
}
