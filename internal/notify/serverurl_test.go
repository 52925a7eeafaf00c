package notify_test

import (
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// A URL that no server can have is refused with the account, and not retried with each message.
func TestPortsOfURLs(t *testing.T) {
	for url, want := range map[string]bool{
		"https://chat.example.com": true, "https://chat.example.com:": true, "https://chat.example.com:8443": true, "https://[2001:db8::1]:65535": true,
		"https://chat.example.com:0": false, "https://chat.example.com:65536": false, "https://chat.example.com:99999999999999999999": false,
	} {
		if _, err := notify.ServerURL(url, nil); (err == nil) != want {
			t.Errorf("the server %s: %v", url, err)
		}
		if _, err := notify.KeyedURL(notify.Credential{"url": secret.New(url)}, "url", "https"); (err == nil) != want {
			t.Errorf("the URL %s: %v", url, err)
		}
	}
}
