package dispatch

import (
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
)

func TestResolve(t *testing.T) {
	tests := []struct {
		name   string
		change func(table *fakeTable, t *queue.Target)
		want   string // the error's text; empty: resolved
	}{
		{"as it was", func(*fakeTable, *queue.Target) {}, ""},
		{"route deleted", func(t *fakeTable, _ *queue.Target) { delete(t.routes, "team/r") }, "route deleted"},
		{"route made anew", func(t *fakeTable, _ *queue.Target) { t.routes["team/r"].UID = "other" }, "route deleted"},
		{"channel removed", func(t *fakeTable, _ *queue.Target) { t.routes["team/r"].Targets = nil }, "channel removed from the route"},
		{"channel spelled otherwise by now", func(t *fakeTable, target *queue.Target) {
			t.routes["team/r"].Targets[0].Channel = "team/room/#a"
			target.Channel = "unresolved"
		}, ""},
		{"account missing", func(t *fakeTable, _ *queue.Target) { delete(t.accounts, "room") }, `no account "room"; add it to TravisDefaults`},
		{"room missing in the Secret", func(_ *fakeTable, t *queue.Target) { t.Address = "" }, "account room: name a room: [redacted]"},
		{"service unknown to this version", func(t *fakeTable, _ *queue.Target) { t.accounts["room"].Service = "new" }, `account room: there is no service "new"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table, target := tableWith("#a"), target("#a")
			tt.change(table, &target)
			fake := &fakeService{}
			r := NewTableResolver(func() Table { return table }, map[string]notify.Service{"fake": fake.service()})
			got, err := r.Resolve(target)
			switch {
			case tt.want == "" && (err != nil || got.Address != "#a" || got.Account != table.accounts["room"]):
				t.Errorf("got %+v, %v", got, err)
			case tt.want != "" && (err == nil || err.Error() != tt.want):
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestPoolKeepsOneNotifierPerVersion(t *testing.T) {
	fake := &fakeService{}
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"fake": fake.service()}})
	one := &routing.Account{Namespace: "team", Name: "room", Service: "fake", Version: "1"}
	two := &routing.Account{Namespace: "team", Name: "room", Service: "fake", Version: "2"}

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

func TestPoolGuardsWhatTenantsDefine(t *testing.T) {
	fake := &fakeService{}
	guarded, trusted := &notify.Deps{}, &notify.Deps{}
	guarded.HTTP, trusted.HTTP = newClient(), newClient()
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"fake": fake.service()}, Guarded: *guarded, Trusted: *trusted})
	defer p.Close()
	for _, isTrusted := range []bool{false, true} {
		_, release, err := p.Acquire(&routing.Account{Name: "a", Service: "fake", Trusted: isTrusted})
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
	if fake.deps[0].HTTP != guarded.HTTP || fake.deps[1].HTTP != trusted.HTTP {
		t.Error("a tenant's account got the administrator's client, or the other way round")
	}
}

func TestPoolTellsWhatItCannotMake(t *testing.T) {
	fake := &fakeService{}
	p := NewPool(PoolConfig{Services: map[string]notify.Service{"fake": fake.service()}})
	defer p.Close()
	_, _, err := p.Acquire(&routing.Account{Name: "a", Service: "fake", Config: []byte("broken")})
	if err == nil || !strings.Contains(err.Error(), "account a: no server in the configuration") || !judge(err).credential {
		t.Errorf("got %v", err)
	}
}
