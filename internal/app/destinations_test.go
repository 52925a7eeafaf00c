package app

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
)

// destinationOf compiles an account of a namespace with its Secret and returns the destination of a channel.
func destinationOf(t *testing.T, key, namespace string, account v1alpha1.Account, address string, data map[string]string) string {
	t.Helper()
	c := routing.NewCompiler(routing.Config{OperatorNamespace: "system", Services: registry.Services, DestinationKey: []byte(key)})
	account.Name = "chat"
	c.PutDefaults(&v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName},
		Spec:       v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{account}},
	})
	s := routing.Secret{Namespace: namespace, Name: "chat", Type: v1alpha1.SecretTypeCredential, Data: map[string]secret.Value{}}
	for k, v := range data {
		s.Data[k] = secret.New(v)
	}
	c.PutSecret(s)
	c.PutRoute(&v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "r"},
		Spec:       v1alpha1.TravisRouteSpec{Repository: "a/b", Channels: []v1alpha1.Channel{{Account: "chat", Address: address}}},
	})
	route, ok := c.Table().Route(namespace, "r")
	if !ok || route.Targets[0].Destination == "" {
		t.Fatalf("the channel does not resolve: %+v", route)
	}
	return route.Targets[0].Destination
}

func webhookAccount(format v1alpha1.WebhookFormat) v1alpha1.Account {
	return v1alpha1.Account{Webhook: &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}, Format: format}}
}

var slackAccount = v1alpha1.Account{Slack: &v1alpha1.SlackAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}}}

var (
	mailAccount = v1alpha1.Account{Email: &v1alpha1.EmailAccount{
		Server: "smtp.example.com:587", From: "ci@example.com", SecretRef: &v1alpha1.SecretReference{Name: "chat"},
	}}
	rocketChatAccount = v1alpha1.Account{RocketChat: &v1alpha1.RocketChatAccount{
		Server: "https://chat.example.com", SecretRef: v1alpha1.SecretReference{Name: "chat"},
	}}
)

// TestOneURLIsOneDestination: forty namespaces that have the same webhook in their Secrets share its pace,
// and its name in the store reveals nothing.
func TestOneURLIsOneDestination(t *testing.T) {
	const url = "https://hooks.slack.com/services/T0/B0/a-secret-of-the-team"
	first := destinationOf(t, "key", "team-0", slackAccount, "", map[string]string{"url": url})
	for i := range 40 {
		data := map[string]string{fmt.Sprint("builds-", i): " " + url + "\n", "other": "https://hooks.slack.com/services/T0/B0/x"}
		if got := destinationOf(t, "key", fmt.Sprint("team-", i), slackAccount, fmt.Sprint("builds-", i), data); got != first {
			t.Errorf("namespace %d has the destination %s, want %s", i, got, first)
		}
	}
	for _, part := range []string{"hooks", "T0", "secret", "team"} {
		if strings.Contains(first, part) {
			t.Errorf("%s contains %q", first, part)
		}
	}
	if destinationOf(t, "another key", "team-0", slackAccount, "", map[string]string{"url": url}) == first {
		t.Error("whoever guesses a URL can compute the name of its destination")
	}
}

// TestDestinations: accounts share a destination if no attempt can fail for one and succeed for the other because of
// their settings. Else a tenant could make another one's channel back off.
func TestDestinations(t *testing.T) {
	type channel struct {
		namespace string
		account   v1alpha1.Account
		address   string
		data      map[string]string
	}
	hook := func(url string) map[string]string { return map[string]string{"url": url} }
	plain := webhookAccount("")
	tests := map[string]struct {
		one, other channel
		same       bool
	}{
		"spelled differently": {channel{"a", plain, "", hook("https://Example.com:443/x")}, channel{"b", plain, "", hook("https://example.com/x#y")}, true},
		"another path":        {channel{"a", plain, "", hook("https://example.com/x")}, channel{"b", plain, "", hook("https://example.com/y")}, false},
		"another query":       {channel{"a", plain, "", hook("https://example.com/x?room=1")}, channel{"b", plain, "", hook("https://example.com/x?room=2")}, false},
		"signed with another key": {
			channel{"a", plain, "", map[string]string{"url": "https://example.com/x", "hmacKey": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}},
			channel{"b", plain, "", hook("https://example.com/x")}, false,
		},
		"another format":      {channel{"a", plain, "", hook("https://example.com/x")}, channel{"b", webhookAccount("CloudEvents"), "", hook("https://example.com/x")}, false},
		"the administrator's": {channel{"a", plain, "", hook("https://example.com/x")}, channel{"system", plain, "", hook("https://example.com/x")}, false},
		"a token's channel": {
			channel{"a", slackAccount, "#Builds", map[string]string{"token": "xoxb-1"}}, channel{"b", slackAccount, "#builds", map[string]string{"token": "xoxb-1\n"}}, true,
		},
		"another token": {
			channel{"a", slackAccount, "#builds", map[string]string{"token": "xoxb-1"}}, channel{"b", slackAccount, "#builds", map[string]string{"token": "xoxb-2"}}, false,
		},
		"another proxy": {
			channel{"a", plain, "", hook("https://example.com/x")},
			channel{"b", plain, "", map[string]string{"url": "https://example.com/x", "proxy": "http://proxy.example.com:3128"}}, false,
		},
		"the same proxy": {
			channel{"a", plain, "", map[string]string{"url": "https://example.com/x", "proxy": "http://proxy.example.com:3128"}},
			channel{"b", plain, "", map[string]string{"url": "https://example.com/x", "proxy": "http://proxy.example.com:3128\n"}}, true,
		},
		"a mailbox": {
			channel{"a", mailAccount, "team@example.com", map[string]string{"username": "ci", "password": "right"}},
			channel{"b", mailAccount, "team@example.com", map[string]string{"username": "ci", "password": "right"}}, true,
		},
		"a mailbox with another password": {
			channel{"a", mailAccount, "team@example.com", map[string]string{"username": "ci", "password": "right"}},
			channel{"b", mailAccount, "team@example.com", map[string]string{"username": "ci", "password": "wrong"}}, false,
		},
		"a mailbox through another proxy": {
			channel{"a", mailAccount, "team@example.com", nil},
			channel{"b", mailAccount, "team@example.com", map[string]string{"proxy": "socks5://proxy.example.com:1080"}}, false,
		},
		"a token with another user": {
			channel{"a", rocketChatAccount, "#builds", map[string]string{"token": strings.Repeat("t", 43), "user": strings.Repeat("u", 17)}},
			channel{"b", rocketChatAccount, "#builds", map[string]string{"token": strings.Repeat("t", 43), "user": strings.Repeat("v", 17)}}, false,
		},
	}
	for name, test := range tests {
		one := destinationOf(t, "key", test.one.namespace, test.one.account, test.one.address, test.one.data)
		other := destinationOf(t, "key", test.other.namespace, test.other.account, test.other.address, test.other.data)
		if (one == other) != test.same {
			t.Errorf("%s: %s and %s", name, one, other)
		}
	}
}

func TestTheKeyOfDestinationsIsKept(t *testing.T) {
	store := &keyvaluetest.Map{}
	first, err := destinationKey(t.Context(), store)
	if err != nil || len(first) < 16 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := destinationKey(t.Context(), store); err != nil || string(again) != string(first) {
		t.Errorf("%q after a restart, %v; want %q", again, err, first)
	}
	full := errors.New("the disk is full")
	if _, err := destinationKey(t.Context(), &keyvaluetest.Map{BeforeWrite: func() error { return full }}); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}
