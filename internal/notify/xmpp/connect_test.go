package xmpp

import (
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"mellium.im/sasl"

	"github.com/travishook/travishook/internal/notify"
)

func TestTargets(t *testing.T) {
	srv := func(target string, port uint16) *net.SRV { return &net.SRV{Target: target, Port: port} }
	for name, c := range map[string]struct {
		records []*net.SRV
		want    []string
	}{
		"no record":      {nil, []string{"example.com:5222"}},
		"two":            {[]*net.SRV{srv("a.example.com.", 5222), srv("b.example.com.", 443)}, []string{"a.example.com:5222", "b.example.com:443"}},
		"more than used": {[]*net.SRV{srv("a.", 1), srv("b.", 2), srv("c.", 3), srv("d.", 4), srv("e.", 5)}, []string{"a:1", "b:2", "c:3", "d:4"}},
	} {
		got, err := targets("example.com", c.records)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got, err := targets("example.com", []*net.SRV{srv(".", 0)}); err == nil {
		t.Errorf("a domain without a server gave %v", got)
	}
}

// The library alone would not return.
func TestMessagesThatAreNotSCRAM(t *testing.T) {
	for _, challenge := range []string{"", ",", "r=noncex,s=c2FsdA==,i=4096,", "r=noncex,s=c2FsdA==,i=4096,x", "nonsense"} {
		n := sasl.NewClient(limitIterations(sasl.ScramSha256), sasl.Credentials(func() (username, password, identity []byte) {
			return []byte("ci"), []byte("a password"), nil
		}))
		if _, _, err := n.Step(nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := n.Step([]byte(challenge)); !errors.Is(err, sasl.ErrAuthn) {
			t.Errorf("%q: %v", challenge, err)
		}
	}
}

func TestIterationsOfSCRAMAreLimited(t *testing.T) {
	for challenge, want := range map[string]bool{
		"r=noncex,s=c2FsdA==,i=4096":                   false,
		"r=noncex,s=c2FsdA==,i=200000":                 false,
		"r=noncex,s=c2FsdA==,i=200001":                 true,
		"r=noncex,s=c2FsdA==,i=4095":                   true,
		"r=noncex,s=c2FsdA==,i=1":                      true,
		"r=noncex,s=c2FsdA==,i=-4096":                  true,
		"r=noncex,s=c2FsdA==,i=2147483647":             true,
		"r=noncex,s=c2FsdA==,i=9999999999999999999999": true,
		"r=noncex,i=4096,s=c2FsdA==,i=2147483647\x00":  true,
	} {
		n := sasl.NewClient(limitIterations(sasl.ScramSha256), sasl.Credentials(func() (username, password, identity []byte) {
			return []byte("ci"), []byte("a password"), nil
		}))
		if _, _, err := n.Step(nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := n.Step([]byte(challenge)); errors.Is(err, notify.ErrIterations) != want {
			t.Errorf("%s: %v", challenge, err)
		}
	}
}
