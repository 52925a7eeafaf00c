package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	if !validPort(u) {
		return "", fmt.Errorf("the URL under key %q of the account's Secret has an invalid port: a port is a number from 1 to 65535", key)
	}
	return text, nil
}

// URLOf returns the URL under a key of the Secret as a service needs it, or what is wrong with it.
type URLOf func(credential Credential, key string) (string, error)

// Any returns nil if a key of the Secret, but for those in others, has a URL. Otherwise it returns what is
// wrong with the last key, or an error with the text none if there is no key.
func (of URLOf) Any(credential Credential, none string, others ...string) error {
	problem := errors.New(none)
	for _, key := range slices.Sorted(maps.Keys(credential)) {
		if slices.Contains(others, key) {
			continue
		}
		_, err := of(credential, key)
		if err == nil {
			return nil
		}
		problem = err
	}
	return problem
}

// Address normalizes the address of a channel that names a key of the Secret; empty, it is fallback.
func (of URLOf) Address(credential Credential, address, fallback string) (string, error) {
	if address == "" {
		address = fallback
	}
	if _, err := of(credential, address); err != nil {
		return "", err
	}
	return SameURLKey(credential, address), nil
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

// FormOfKey is the Form of a service whose second form is for addresses that name a key of the Secret.
func FormOfKey(credential Credential, address string) int {
	if _, isKey := credential[address]; isKey {
		return 1
	}
	return 0
}

// EndpointOfKey is the Endpoint of a service whose addresses name keys of the Secret with webhook URLs.
func EndpointOfKey(_ json.RawMessage, credential Credential, address string) []string {
	return []string{SameURL(credential[address].Reveal())}
}
