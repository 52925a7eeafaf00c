package app

import (
	"net/netip"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/internal/settings"
)

func TestTenantsDoNotReachTheAPIServer(t *testing.T) {
	prefixes := func(all ...string) (parsed []netip.Prefix) {
		for _, p := range all {
			parsed = append(parsed, netip.MustParsePrefix(p))
		}
		return parsed
	}
	for name, c := range map[string]struct {
		host     string
		settings settings.Delivery
		to       string
		refused  bool
	}{
		"a public one":                   {"https://1.2.3.4:6443", settings.Delivery{}, "1.2.3.4", true},
		"its neighbour":                  {"https://1.2.3.4:6443", settings.Delivery{}, "1.2.3.5", false},
		"a public one of IPv6":           {"https://[2606:4700::1]:6443", settings.Delivery{}, "2606:4700::1", true},
		"a private one":                  {"https://10.96.0.1:443", settings.Delivery{}, "10.96.0.1", true},
		"one that the settings allow":    {"https://127.0.0.1:6443", settings.Delivery{AllowAddresses: prefixes("127.0.0.0/8")}, "127.0.0.1", false},
		"another that the settings deny": {"https://1.2.3.4:6443", settings.Delivery{DenyAddresses: prefixes("5.6.7.0/24")}, "5.6.7.8", true},
		"an unknown API server":          {"", settings.Delivery{}, "1.2.3.4", false},
	} {
		rules := tenantRules(c.settings, apiServer(&rest.Config{Host: c.host}))
		if err := rules.Check(netip.MustParseAddr(c.to)); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
