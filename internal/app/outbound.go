package app

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/version"
)

// resolveTimeout limits the lookup of the API server's addresses at the start.
const resolveTimeout = 5 * time.Second

// newPool returns the pool of notifiers, with two outbound clients: one for the administrator's
// accounts, and one that refuses addresses that tenants must not reach.
func newPool(s settings.Delivery, apiServer []netip.Addr, holds func(accountKey string) bool, log logr.Logger) *dispatch.Pool {
	rules := tenantRules(s, apiServer)
	agent := "travishook/" + version.String()
	return dispatch.NewPool(dispatch.PoolConfig{
		Services: registry.Services,
		Trusted:  notify.Deps{HTTP: notify.NewClient(notify.Options{UserAgent: agent}), Dial: notify.NewDialer(nil)},
		Guarded:  notify.Deps{HTTP: notify.NewClient(notify.Options{UserAgent: agent, Rules: rules}), Dial: notify.NewDialer(rules)},
		Holds:    holds,
		Log:      log,
	})
}

// tenantRules returns the settings' rules, and denies the API server even if its address is public,
// unless the settings allow that address.
func tenantRules(s settings.Delivery, apiServer []netip.Addr) *notify.Rules {
	rules := &notify.Rules{Allow: s.AllowAddresses, Deny: slices.Clone(s.DenyAddresses)}
	for _, addr := range apiServer {
		allowed := slices.ContainsFunc(s.AllowAddresses, func(p netip.Prefix) bool { return p.Contains(addr) })
		if !allowed && rules.Check(addr) == nil {
			rules.Deny = append(rules.Deny, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
	return rules
}

// apiServer returns the addresses at which the operator reaches the API server. It returns none if the
// name does not resolve; then only denyAddresses protects it.
func apiServer(cfg *rest.Config) []netip.Addr {
	u, err := url.Parse(cfg.Host)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs
}
