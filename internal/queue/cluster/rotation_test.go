package cluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/test/nats"
)

// guardedReplica is a replica whose way to the cluster can be shut.
type guardedReplica struct {
	*Replica
	opt     Options
	proxies *nats.Proxies
	logs    logLines
}

func newGuardedReplica(t *testing.T) *guardedReplica {
	t.Helper()
	c, _ := guardedCluster(t)
	proxies, err := c.NewProxies()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxies.Shut)
	g := &guardedReplica{opt: guardedOptions(t), proxies: proxies}
	g.opt.External.URL, g.opt.IOTimeout, g.opt.Logger = proxies.URL, time.Second, g.logs.logger()
	if err := g.opt.complete(); err != nil {
		t.Fatal(err)
	}
	g.Replica = openOptions(t, g.opt)
	t.Cleanup(func() { closeNow(t, g.Replica) })
	g.accepts(t)
	return g
}

// again ends the connection, so that another is made.
func (g *guardedReplica) again(t *testing.T) {
	t.Helper()
	g.proxies.Shut()
	if err := g.proxies.Open(); err != nil {
		t.Fatal(err)
	}
}

// accepts waits until an event is stored.
func (g *guardedReplica) accepts(t *testing.T) {
	t.Helper()
	g.until(t, func(err error) bool { return err == nil })
}

// refuses waits until none is, for that reason.
func (g *guardedReplica) refuses(t *testing.T, reason string) {
	t.Helper()
	g.until(t, func(err error) bool { return err != nil && strings.Contains(err.Error(), reason) })
}

func (g *guardedReplica) until(t *testing.T, good func(error) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for build := time.Now().UnixNano(); ; build++ {
		_, err := g.Accept(ctx, acceptance(build, "#a"))
		if good(err) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("at last: %v; it has said %s", err, strings.Join(g.logs.lines, "\n"))
		case <-time.After(10 * time.Millisecond): // as a sender that retries
		}
	}
}

// TestGuardedCredentialsAreReplaced lets a user's time run out, and has new credentials come when each
// server has refused the old ones more than once.
func TestGuardedCredentialsAreReplaced(t *testing.T) {
	t.Parallel()
	g := newGuardedReplica(t)
	allow(t, &g.opt, time.Now().Add(2*time.Second))
	g.again(t)
	const reason = "the cluster does not let this user in"
	g.logs.await(t, 8, reason)
	g.refuses(t, reason)
	allow(t, &g.opt, time.Time{})
	g.accepts(t)
}

// TestGuardedCertificatesAreReplaced replaces all certificates with those of another authority.
func TestGuardedCertificatesAreReplaced(t *testing.T) {
	g := newGuardedReplica(t)
	c, guard := guardedCluster(t)
	if err := guard.Renew(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	g.again(t)
	g.logs.await(t, 1, "store has found a server")
	g.accepts(t)
}

func TestGuardedPermissionThatIsTakenAway(t *testing.T) {
	t.Parallel()
	g := newGuardedReplica(t)
	subject := g.opt.names().subject
	allow(t, &g.opt, time.Time{}, subject)
	g.again(t)
	g.refuses(t, "the user may not publish to "+subject+": allow that")
	allow(t, &g.opt, time.Time{})
	g.again(t)
	g.accepts(t)
}
