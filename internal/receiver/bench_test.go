package receiver_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// forgetful is a store that stores nothing and returns at once.
type forgetful struct{ keyvalue.Store }

func (forgetful) Accept(_ context.Context, a queue.Acceptance) (queue.Receipt, error) {
	return queue.Receipt{Stored: []string{a.Offers[0].Namespace}}, nil
}

func BenchmarkHandler(b *testing.B) {
	for name, build := range map[string]travistest.Build{
		"stored":  {Repository: "open/open"},
		"unknown": {Repository: "un/known"},
	} {
		b.Run(name, func(b *testing.B) {
			r := newPopulatedFixture(b)
			r.options.Store, r.options.Log = forgetful{r.store}, logr.Discard()
			handler := receiver.NewHandler(r.options)
			request := webhook(build, travistest.Key())
			body, err := io.ReadAll(request.Body)
			if err != nil {
				b.Fatal(err)
			}
			w := &statusOnly{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				request.Body = io.NopCloser(bytes.NewReader(body))
				handler.ServeHTTP(w, request)
			}
		})
	}
}
