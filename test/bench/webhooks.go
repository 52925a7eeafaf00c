package main

import (
	"crypto/rsa"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/travis/travistest"
)

// webhook is a request as it goes over the wire.
type webhook struct {
	raw  []byte
	mark int // identifies it at the sink: the build's number
}

// sign makes the requests, on all processors.
func sign(builds []travistest.Build) []webhook {
	webhooks := make([]webhook, len(builds))
	var workers sync.WaitGroup
	for w := range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := w; i < len(builds); i += runtime.GOMAXPROCS(0) {
				webhooks[i] = request(builds[i], travistest.Key())
			}
		})
	}
	workers.Wait()
	return webhooks
}

// request writes the request by hand, without the additional headers of an HTTP client.
func request(b travistest.Build, key *rsa.PrivateKey) webhook {
	payload := b.Payload()
	body := travistest.Form(payload)
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: hooks.example.com\r\nUser-Agent: Travis CI Notifications\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nTravis-Repo-Slug: %s\r\nSignature: %s\r\nContent-Length: %d\r\n\r\n",
		pathPrefix, b.Slug(), travistest.Sign(key, payload), len(body))
	return webhook{raw: append([]byte(head), body...), mark: int(b.ID) - 1}
}

// supply hands out webhooks, each once, because a second time they would be replays.
type supply struct{ left []webhook }

func (b *benchmark) supply() *supply { return &supply{b.webhooks} }

func (s *supply) take(n int) []webhook {
	taken := s.left[:n]
	s.left = s.left[n:]
	return taken
}

// during takes as many webhooks as a rate needs for a time.
func (s *supply) during(d time.Duration, rate int) []webhook {
	return s.take(int(d.Seconds() * float64(rate)))
}
