package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }

func TestTheOldestHoldingOfTheLargestClientIsRevoked(t *testing.T) {
	s := newShares(4)
	var revoked []string
	take := func(client int, name string) *holding {
		return s.take(address(client), 1, func() { revoked = append(revoked, name) })
	}
	first := take(1, "stranger 1")
	take(1, "stranger 2")
	take(1, "stranger 3")
	honest := take(2, "honest")
	take(3, "another")
	if got := fmt.Sprint(revoked); got != "[stranger 1]" || first.grow(0) || !honest.grow(0) {
		t.Fatalf("revoked are %s", got)
	}
	first.release()
	if take(2, "honest 2"); fmt.Sprint(revoked) != "[stranger 1 stranger 2]" {
		t.Errorf("revoked are %s", revoked)
	}
}

func TestWhatIsKeptIsNotRevoked(t *testing.T) {
	s := newShares(1)
	h := s.take(address(1), 1, func() { t.Error("it was revoked") })
	if !h.keep() {
		t.Error("it cannot be kept")
	}
	revoked := false
	s.take(address(1), 1, func() { revoked = true })
	if !revoked {
		t.Error("there are two, where one is allowed")
	}
	h.release()
	s.take(address(1), 1, func() { t.Error("there was room") })
}

// taken is a holding and its state.
type taken struct {
	*holding
	kept, revoked bool
}

// TestShares takes, grows, keeps, renews and releases holdings at random.
func TestShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShares(20)
		var all []*taken
		pick := func(t *rapid.T) int {
			if len(all) == 0 {
				t.Skip("nothing is held")
			}
			return rapid.IntRange(0, len(all)-1).Draw(t, "which")
		}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				h := &taken{}
				h.holding = s.take(address(rapid.IntRange(0, 4).Draw(t, "client")), rapid.Int64Range(1, 8).Draw(t, "size"), func() { h.revoked = true })
				all = append(all, h)
			},
			"grow": func(t *rapid.T) {
				if h := all[pick(t)]; h.grow(1) == h.revoked {
					t.Fatalf("growing one is true, although it was revoked: %t", h.revoked)
				}
			},
			"keep": func(t *rapid.T) {
				h := all[pick(t)]
				h.kept = h.keep()
			},
			"renew": func(t *rapid.T) {
				h := all[pick(t)]
				h.renew()
				h.kept = false
			},
			"release": func(t *rapid.T) {
				i := pick(t)
				all[i].release()
				all = slices.Delete(all, i, i+1)
			},
			"": func(t *rapid.T) {
				var held, kept int64
				for _, h := range all {
					held += h.size
					if h.kept {
						kept += h.size
					}
				}
				if held != s.held || held > max(s.limit, kept) {
					t.Fatalf("held are %d by the books and %d in truth, %d of them kept, of %d", s.held, held, kept, s.limit)
				}
			},
		})
		for _, h := range all {
			h.release()
		}
		if s.held != 0 || len(s.clients) != 0 {
			t.Fatalf("%d are held by %d clients when all is released", s.held, len(s.clients))
		}
	})
}

func TestANetworkOfIPv6IsOneClient(t *testing.T) {
	for a, want := range map[string]string{"2001:db8::1": "2001:db8::", "2001:db8:0:1::1": "2001:db8:0:1::", "192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1"} {
		if got := network(netip.MustParseAddr(a)); got != netip.MustParseAddr(want) {
			t.Errorf("%s counts as %s, want %s", a, got, want)
		}
	}
	if network(netip.Addr{}).IsValid() {
		t.Error("no address is one")
	}
}

// TestANewConnectionIsServed fills a server with idle connections, and then sends a request.
func TestANewConnectionIsServed(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const limit = 8
	listener := &connections{inner, newShares(limit)}
	server := &http.Server{ConnContext: withConnection, ConnState: changed, ReadHeaderTimeout: HeaderTimeout,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "stored") })}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()

	for range 3 * limit {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 * limit {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+inner.Addr().String(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	listener.shares.mu.Lock()
	defer listener.shares.mu.Unlock()
	if listener.shares.held > limit {
		t.Errorf("%d connections are open, want %d at most", listener.shares.held, limit)
	}
}
