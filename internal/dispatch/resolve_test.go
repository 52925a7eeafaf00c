package dispatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
)

func TestResolve(t *testing.T) {
	route := types.NamespacedName{Namespace: "team", Name: "r"}
	defaults := types.NamespacedName{Namespace: "team", Name: v1alpha1.DefaultsName}
	tests := []struct {
		name   string
		change func(w fixture, t *queue.Target)
		want   string // the error begins so; empty: resolved
	}{
		{"as it was", func(fixture, *queue.Target) {}, ""},
		{"route deleted", func(w fixture, _ *queue.Target) { w.DeleteRoute(route) }, "route deleted"},
		{"route created again", func(_ fixture, t *queue.Target) { t.RouteUID = "older" }, "route deleted"},
		{"channel removed", func(w fixture, _ *queue.Target) { w.putRoute(nil, "#b") }, "channel removed from the route"},
		{"another channel, and the stored account is unknown", func(w fixture, t *queue.Target) {
			w.putRoute(nil, "#b")
			t.Channel, t.Account = "?team/r/gone/#a", "gone"
		}, `there is no account "gone"`},
		{"default account instead of its name", func(w fixture, _ *queue.Target) { w.putDefaultRoute("#a") }, ""},
		{"default account instead of its name, while the defaults are missing", func(w fixture, _ *queue.Target) {
			w.putDefaultRoute("#a")
			w.DeleteDefaults(defaults)
		}, `there is no account "chat"`},
		{"default account instead of its name, while no account is the default", func(w fixture, _ *queue.Target) {
			w.putDefaultRoute("#a")
			d := &v1alpha1.TravisDefaults{}
			d.Namespace, d.Name = defaults.Namespace, defaults.Name
			for _, name := range []string{"chat", "talk"} {
				d.Spec.Accounts = append(d.Spec.Accounts, v1alpha1.Account{
					Name: name, Webhook: &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: credential.Name}},
				})
			}
			w.PutDefaults(d)
		}, "there is no default account"},
		{"channel spelled differently, and its account fails", func(w fixture, t *queue.Target) {
			w.DeleteSecret(credential)
			t.Channel, t.Address = "?team/r/chat/#A", "#A"
		}, `Secret "chat"`},
		{"no room when it was stored", func(_ fixture, t *queue.Target) { t.Channel, t.Address = "?team/r/chat/#A", "#A" }, ""},
		{"no account when it was stored", func(_ fixture, t *queue.Target) { t.Channel, t.Address, t.Account = "?team/r//#A", "#A", "" }, ""},
		{"account missing", func(w fixture, _ *queue.Target) {
			w.DeleteDefaults(defaults)
		}, `there is no account "chat"`},
		{"credential missing", func(w fixture, _ *queue.Target) { w.DeleteSecret(credential) }, `Secret "chat"`},
		{"room no longer allowed", func(w fixture, _ *queue.Target) { w.putAccount("team", []v1alpha1.Glob{"#b"}) }, `account "chat" may not send to "#a"`},
		{"room not allowed, as it was stored", func(w fixture, t *queue.Target) {
			w.putAccount("team", []v1alpha1.Glob{"#b"})
			t.Channel = "?team/r/chat/#a"
		}, `account "chat" may not send to "#a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, target := newFixture((&fakeService{}).service(), "#a"), target("#a")
			tt.change(w, &target)
			resolver := NewTableResolver(w.Table)
			got, err := resolver.Resolve(target)
			if gone := strings.HasPrefix(tt.want, "route") || strings.HasPrefix(tt.want, "channel"); resolver.Removed(target) != gone {
				t.Errorf("removed from the store: %t", !gone)
			}
			switch {
			case tt.want == "" && (err != nil || got.Address != "#a" || got.Account.Name != "chat"):
				t.Errorf("got %+v, %v", got, err)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func account(version string, trusted bool) *routing.Account {
	return &routing.Account{
		Namespace: "team", Name: "chat", Service: "webhook", Version: version, Trusted: trusted,
		Credential: notify.Credential{"password": secret.New(password)},
	}
}

func TestPoolKeepsOneNotifierPerVersion(t *testing.T) {
	fake := &fakeService{}
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": fake.service()}})
	one, two := account("1", false), account("2", false)

	first, releaseFirst, err := p.Acquire(one)
	if err != nil {
		t.Fatal(err)
	}
	again, releaseAgain, _ := p.Acquire(one)
	if first != again {
		t.Error("one account has two notifiers")
	}
	releaseAgain()
	second, releaseSecond, _ := p.Acquire(two)
	if second == first {
		t.Error("the old notifier goes on after the account changed")
	}
	releaseSecond()
	p.closing.Wait()
	if _, closed := fake.counts(); closed != 0 {
		t.Error("closed while in use")
	}
	releaseFirst()
	releaseFirst() // a second time does nothing
	p.closing.Wait()
	if _, closed := fake.counts(); closed != 1 {
		t.Errorf("%d closed after the last use", closed)
	}
	p.Retain(func(_, _, version string) bool { return version == "3" })
	p.Close()
	if opened, closed := fake.counts(); opened != 2 || closed != 2 {
		t.Errorf("%d opened, %d closed", opened, closed)
	}
	if _, _, err := p.Acquire(two); err == nil {
		t.Error("a closed pool gives notifiers")
	}
}

// TestAnAccountIsUsedWhileThePoolIsClosed: a test message may go on when the dispatcher has stopped.
func TestAnAccountIsUsedWhileThePoolIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeService{}
		p := NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": fake.service()}})
		idle := account("1", false)
		idle.Namespace = "other"
		_, releaseIdle, err := p.Acquire(idle)
		if err != nil {
			t.Fatal(err)
		}
		releaseIdle()
		_, release, err := p.Acquire(account("1", false))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Second) // the idle one is closed by then
			release()
		}()
		p.Close()
		if _, closed := fake.counts(); closed != 1 {
			t.Errorf("%d are closed, want the one that is not used", closed)
		}
		time.Sleep(2 * time.Second)
		if _, closed := fake.counts(); closed != 2 {
			t.Errorf("%d are closed after the last use, want both", closed)
		}
	})
}

func TestPoolGuardsWhatTenantsDefine(t *testing.T) {
	fake := &fakeService{}
	guarded, trusted := notify.Deps{HTTP: &http.Client{}}, notify.Deps{HTTP: &http.Client{}}
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": fake.service()}, Guarded: guarded, Trusted: trusted})
	defer p.Close()
	for _, isTrusted := range []bool{false, true} {
		_, release, err := p.Acquire(account("1", isTrusted))
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
	if fake.deps[0].HTTP != guarded.HTTP || fake.deps[1].HTTP != trusted.HTTP {
		t.Error("a tenant's account got the administrator's client, or the other way round")
	}
	if got := fake.deps[0].Namespace; got == "" || got != account("1", false).Namespace {
		t.Errorf("the account is told that its namespace is %q", got)
	}
}

// TestPoolSharesConnectionsAmongNamespaces: a namespace gets at most as many connections as are left free, and an
// account of the administrator always gets one.
func TestPoolSharesConnectionsAmongNamespaces(t *testing.T) {
	fake := &fakeService{}
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": fake.service()}})
	defer p.Close()
	open := func(namespace string, trusted bool) int {
		t.Helper()
		for n := range maxConnections + 1 {
			a := account("1", trusted)
			a.Namespace, a.Name, a.KeepsConnection = namespace, fmt.Sprint("chat-", n), true
			_, release, err := p.Acquire(a)
			if errors.Is(err, errTooManyConnections) {
				return n
			}
			if err != nil {
				t.Fatal(err)
			}
			release()
		}
		return maxConnections + 1
	}
	for _, want := range []struct {
		namespace string
		n         int
	}{{"team-a", maxConnections / 2}, {"team-b", maxConnections / 4}, {"team-c", maxConnections / 8}, {"team-a", maxConnections / 2}} {
		if got := open(want.namespace, false); got != want.n {
			t.Errorf("%s keeps %d connections, want %d", want.namespace, got, want.n)
		}
	}
	if got := open("system", true); got != maxConnections+1 {
		t.Errorf("the administrator's accounts keep %d connections", got)
	}
	without := account("1", false)
	without.Namespace = "team-a"
	if _, _, err := p.Acquire(without); err != nil {
		t.Errorf("an account without a connection: %v", err)
	}
	p.Retain(func(namespace, _, _ string) bool { return namespace == "team-b" })
	p.closing.Wait()
	if got := open("team-c", false); got != (maxConnections-maxConnections/4)/2 {
		t.Errorf("after others were closed, team-c keeps %d connections", got)
	}
}

func TestConnectedIsPerNamespace(t *testing.T) {
	service := notify.Service{Name: "webhook", New: func(json.RawMessage, notify.Credential, notify.Deps) (notify.Notifier, error) {
		return loggedIn{}, nil
	}}
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": service}})
	defer p.Close()
	for namespace, name := range map[string]string{"team-a": "chat", "team-b": "other"} {
		a := account("1", false)
		a.Namespace, a.Name = namespace, name
		_, release, err := p.Acquire(a)
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
	if diff := cmp.Diff(map[string]bool{"chat": true}, p.Connected("team-a")); diff != "" {
		t.Error(diff)
	}
}

// loggedIn keeps a connection.
type loggedIn struct{ notify.Notifier }

func (loggedIn) Connected() bool { return true }
func (loggedIn) Close() error    { return nil }

func TestAnInvalidAccountIsReportedWithoutItsSecrets(t *testing.T) {
	service := notify.Service{Name: "webhook", New: func(_ json.RawMessage, credential notify.Credential, _ notify.Deps) (notify.Notifier, error) {
		return nil, errors.New("cannot use " + credential["password"].Reveal())
	}}
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": service}})
	defer p.Close()
	_, _, err := p.Acquire(&routing.Account{Name: "a", Service: "webhook", Credential: notify.Credential{"password": secret.New(password)}})
	if err == nil || err.Error() != "account a: cannot use [redacted]" {
		t.Errorf("error is %v", err)
	}
}

func TestPoolReportsInvalidAccounts(t *testing.T) {
	fake := &fakeService{}
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": fake.service()}})
	defer p.Close()
	_, _, err := p.Acquire(&routing.Account{Name: "a", Service: "webhook"})
	if err == nil || !strings.Contains(err.Error(), "account a: no password") || !classifyError(err).credential {
		t.Errorf("got %v", err)
	}
}
