package notify

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// ServerURL returns the base URL of a self-hosted service without a slash at its end: that under the key
// server of the Secret, or else the account's field. Errors do not show the Secret's.
func ServerURL(field string, credential Credential) (string, error) {
	text, name := strings.TrimSpace(field), fmt.Sprintf("server %.100q", field)
	if value := strings.TrimSpace(credential[KeyServer].Reveal()); value != "" {
		text, name = value, "the key server of the account's Secret"
	}
	if text == "" {
		return "", errors.New("the account names no server: set its field server, or the key server of its Secret, to a URL such as https://chat.example.com")
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("%s is not a URL: write it as https://chat.example.com", name)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%s has more than a server: write it as https://chat.example.com, without a user, query or fragment", name)
	}
	if !validPort(u) {
		return "", fmt.Errorf("%s has an invalid port: a port is a number from 1 to 65535", name)
	}
	return strings.TrimRight(text, "/"), nil
}

// validPort reports whether a server can have the port of u, if it names one.
func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}
