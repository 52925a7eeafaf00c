package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/secret"
)

func TestParseCredential(t *testing.T) {
	tests := map[string]struct {
		service, key, read string
		want               map[string]string
	}{
		"a password":                   {"xmpp", "", "a=b", map[string]string{"password": "a=b"}},
		"a bot token":                  {"slack", "", "xoxb-1", map[string]string{"token": "xoxb-1"}},
		"a URL":                        {"slack", "", "https://example.com/a=b", map[string]string{"url": "https://example.com/a=b"}},
		"a URL under a key of its own": {"slack", "", "builds=https://example.com", map[string]string{"builds": "https://example.com"}},
		"several":                      {"webhook", "", "url=https://example.com\r\nhmacKey=abc==\n", map[string]string{"url": "https://example.com", "hmacKey": "abc=="}},
		"a key that is named":          {"webhook", "releases", "https://example.com", map[string]string{"releases": "https://example.com"}},
		"a zuliprc":                    {"zulip", "", "[api]\nemail=a@b\nkey=x\nsite=https://c\n", map[string]string{"email": "a@b", "key": "x", "site": "https://c"}},
		"one value in brackets":        {"xmpp", "", "[api]", map[string]string{"password": "[api]"}},
		"several lines of one value":   {"xmpp", "ca.crt", "-----BEGIN\nx=y", map[string]string{"ca.crt": "-----BEGIN\nx=y"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			service := registry.Services[test.service]
			got := map[string]string{}
			for key, value := range parseCredential(&service, test.key, secret.New(test.read)) {
				got[key] = value.Reveal()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBuildAccount(t *testing.T) {
	service := registry.Services["xmpp"]
	var account v1alpha1.Account
	if _, err := buildAccount(&account, "jabber", &service, map[string]any{"jid": "ci@example.com", "nickname": "5"}, "s"); err != nil {
		t.Fatal(err)
	}
	want := v1alpha1.Account{Name: "jabber", XMPP: &v1alpha1.XMPPAccount{JID: "ci@example.com", Nickname: "5", SecretRef: v1alpha1.SecretReference{Name: "s"}}}
	if diff := cmp.Diff(want, account); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err := buildAccount(&account, "jabber", &service, map[string]any{"jud": "x"}, "s")
	if err == nil || !strings.Contains(err.Error(), `no field "jud"; did you mean jid?`) {
		t.Errorf("got %v", err)
	}
}

// TestEveryServiceCanBeSetUp: a service that is added needs nothing here.
func TestEveryServiceCanBeSetUp(t *testing.T) {
	for name := range registry.Services {
		service := registry.Services[name]
		var account v1alpha1.Account
		if _, err := buildAccount(&account, "x", &service, nil, "s"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := serviceOf(&account); got != name {
			t.Errorf("an account on %s is taken for one on %q", name, got)
		}
	}
}
