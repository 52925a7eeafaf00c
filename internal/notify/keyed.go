package notify

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// KeyedURL returns the webhook URL under a key of the Secret, without surrounding white space. Errors
// name the key and what is wrong with its value, and not the value.
func KeyedURL(credential Credential, key string, schemes ...string) (string, error) {
	value, ok := credential[key]
	if !ok {
		return "", &NoKeyError{key}
	}
	text := strings.TrimSpace(value.Reveal())
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
		return "", fmt.Errorf("key %q of the account's Secret is not a URL that begins with %s://",
			key, strings.Join(schemes, ":// or "))
	}
	return text, nil
}

// NoKeyError is returned for an address that names a key which the Secret does not have.
type NoKeyError struct{ Key string }

// Error implements error.
func (e *NoKeyError) Error() string {
	return fmt.Sprintf("the account's Secret has no key %.100q", e.Key)
}

// SameURL returns a URL so that different spellings of it are equal: as far as the host and the fragment go,
// which no server sees.
func SameURL(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return text
	}
	u.Scheme, u.Host, u.Fragment, u.RawFragment = strings.ToLower(u.Scheme), strings.ToLower(u.Host), "", ""
	if u.Port() != "" && u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// SameURLKey returns the alphabetically first key with the same URL as key: the normalized address for
// services whose address names a key.
func SameURLKey(credential Credential, key string) string {
	for other, value := range credential {
		if other < key && strings.TrimSpace(value.Reveal()) == strings.TrimSpace(credential[key].Reveal()) {
			key = other
		}
	}
	return key
}
