package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/travishook/travishook/test/nats"
)

// TestGuardedStartThatCannotBe: the error says what to do, and contains no secret.
func TestGuardedStartThatCannotBe(t *testing.T) {
	_, g := guardedCluster(t)
	user := func(account nats.Account, until time.Time) func(*testing.T, *Options) {
		return func(t *testing.T, opt *Options) {
			t.Helper()
			if err := g.AddUser(opt.External.CredentialsFile, account, nil, nil, until); err != nil {
				t.Fatal(err)
			}
		}
	}
	strangers, err := nats.NewGuard(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*testing.T, *Options)
		want   string
	}{
		"a user of nobody's": {func(t *testing.T, opt *Options) {
			t.Helper()
			if err := strangers.AddUser(opt.External.CredentialsFile, nats.Roomy, nil, nil, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}, "look at store.external.credentialsFile"},
		"a user whose time is over": {user(nats.Roomy, time.Now().Add(-time.Hour)), "look at store.external.credentialsFile"},
		"no user":                   {func(_ *testing.T, opt *Options) { opt.External.CredentialsFile = "" }, "look at store.external.credentialsFile"},
		"credentials that are none": {func(t *testing.T, opt *Options) {
			t.Helper()
			if err := os.WriteFile(opt.External.CredentialsFile, []byte("hunter2"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "look at store.external.credentialsFile"},
		"another authority":    {func(_ *testing.T, opt *Options) { opt.External.CAFile = strangers.CA }, "look at store.external.caFile"},
		"no authority":         {func(_ *testing.T, opt *Options) { opt.External.CAFile = "" }, "look at store.external.caFile"},
		"no certificate":       {func(_ *testing.T, opt *Options) { opt.External.CertFile, opt.External.KeyFile = "", "" }, "look at store.external.tls"},
		"a strange one":        {func(_ *testing.T, opt *Options) { opt.External.CertFile, opt.External.KeyFile = strangers.Client() }, "look at store.external.tls"},
		"a bare account":       {user(nats.Bare, time.Time{}), "account has no JetStream"},
		"a small account":      {user(nats.Small, time.Time{}), "lower store.maxSize"},
		"more copies":          {func(_ *testing.T, opt *Options) { opt.External.Replicas = 5 }, "lower store.external.replicas"},
		"nobody there":         {func(_ *testing.T, opt *Options) { opt.External.URL = "tls://127.0.0.1:1" }, "no server answers; look at store.external.url"},
		"TLS that is not done": {func(t *testing.T, opt *Options) { t.Helper(); opt.External.URL = alone(t, true) }, "the server speaks no TLS"},
		"no JetStream": {func(t *testing.T, opt *Options) {
			t.Helper()
			opt.External = External{URL: alone(t, false)}
		}, "run without JetStream"},
		"a cluster of one": {func(t *testing.T, opt *Options) {
			t.Helper()
			opt.External = External{URL: alone(t, true)}
		}, "lower store.external.replicas"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := guardedOptions(t)
			c.change(t, &opt)
			e, err := Open(t.Context(), opt)
			if err == nil {
				closeNow(t, e)
				t.Fatal("opened")
			}
			if said := err.Error(); !strings.Contains(said, c.want) || strings.ContainsAny(said, "\n") {
				t.Errorf("%q; want one line with %q", said, c.want)
			}
			secrets, _ := os.ReadFile(opt.External.CredentialsFile)
			for line := range strings.Lines(string(secrets)) {
				if line = strings.TrimSpace(line); len(line) > 5 && strings.Contains(err.Error(), line) {
					t.Errorf("%v has a secret in it", err)
				}
			}
		})
	}
}

// alone is the URL of a server that is no cluster, and ends with the test.
func alone(t *testing.T, stores bool) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: stores, StoreDir: filepath.Join(t.TempDir(), "store"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not listen")
	}
	return s.ClientURL()
}
