package notify

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// endless is a connection whose server sends without end.
type endless struct{ net.Conn }

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestAFloodIsReadSlowly: a server that sends without end, on a connection that is kept, would occupy a processor.
func TestAFloodIsReadSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, start := paced(endless{}), time.Now()
		if _, err := io.CopyN(io.Discard, conn, readBurst); err != nil || time.Since(start) != 0 {
			t.Errorf("the burst took %v, %v", time.Since(start), err)
		}
		_, err := io.CopyN(io.Discard, conn, 10*readRate)
		if took := time.Since(start).Round(time.Second); err != nil || took != 10*time.Second {
			t.Errorf("the next %d bytes took %v, %v", 10*readRate, took, err)
		}
	})
}

// TestEveryConnectionIsPaced: of tenants and of the administrator.
func TestEveryConnectionIsPaced(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for name, rules := range map[string]*Rules{
		"the administrator's": nil,
		"a tenant's":          {Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	} {
		conn, err := NewDialer(rules)(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := conn.(*pacedConn); !ok {
			t.Errorf("%s connection is read without a limit", name)
		}
		_ = conn.Close()
	}
}
