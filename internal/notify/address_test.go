package notify_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

func TestRulesRefuseAddressesThatAreNotPublic(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.1",
		"168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1",
		"203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1", "2001:db8::1",
		"::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", // IPv4-mapped
		"64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::808:808", // NAT64
		"2002:a00:1::", "2002:7f00:1::1", // 6to4 of 10.0.0.1 and 127.0.0.1
		"2001:0:808:808::1", "2001:20::1", // Teredo, ORCHID
		"3fff::1", "3fff:fff::1", "5f00::1", // documentation, segment routing
		"::ffff:0:7f00:1", "::ffff:0:808:808", // IPv4-translated
	} {
		if err := (notify.Rules{}).Check(netip.MustParseAddr(text)); !errors.Is(err, notify.ErrForbidden) {
			t.Errorf("%s: %v, want it forbidden", text, err)
		}
	}
}

func TestRulesPermitPublicAddresses(t *testing.T) {
	for _, text := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
		"192.167.255.255", "192.169.0.0", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1", "2001:200::1", "3fff:1000::1", "3ffe::1",
	} {
		if err := (notify.Rules{}).Check(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRulesWithExceptions(t *testing.T) {
	rules := notify.Rules{
		Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("8.0.0.0/8")},
		Deny:  []netip.Prefix{netip.MustParsePrefix("10.96.0.1/32"), netip.MustParsePrefix("8.8.8.8/32")},
	}
	for text, forbidden := range map[string]bool{
		"10.0.0.1": false, "::ffff:10.0.0.1": false, "192.168.0.1": true, "1.1.1.1": false,
		"10.96.0.1": true, "::ffff:10.96.0.1": true, "8.8.8.8": true, "8.8.4.4": false,
	} {
		if err := rules.Check(netip.MustParseAddr(text)); errors.Is(err, notify.ErrForbidden) != forbidden {
			t.Errorf("%s: %v, want forbidden: %v", text, err, forbidden)
		}
	}
}
