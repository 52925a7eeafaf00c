// Package matrix sends messages to Matrix's rooms, as a user of any homeserver. docs/services/matrix.md is its
// reference.
package matrix

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

const (
	tokenKey = "token"
	// maxID is how many bytes an identifier may have.
	maxID = 255
	// maxRooms is how many addresses are remembered with their rooms. Others are looked up again.
	maxRooms = 256
)

// Service is Matrix.
var Service = notify.OverHTTP(notify.Service{
	Name:  "matrix",
	Title: "Matrix", Summary: "unencrypted rooms, as a user of any homeserver",
	Keys: []notify.Key{
		{Name: tokenKey, Required: true, Doc: "The access token of a session of the bot that nothing else uses."},
		{Name: notify.KeyServer, Doc: "The homeserver's URL; takes precedence over the account's field server."},
	},
	Forms:    []notify.Capabilities{{Edit: true, Thread: true, Silent: true, Mention: true, Idempotent: true, Proof: notify.Shown, Longest: maxBody}},
	Check:    check,
	Address:  address,
	Person:   person,
	Endpoint: endpoint,
	New:      newNotifier,
})

// config is the account's block.
type config struct {
	Server string `json:"server"`
}

func server(raw json.RawMessage, credential notify.Credential) (string, error) {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", fmt.Errorf("matrix block: %w", err)
	}
	return notify.ServerURL(c.Server, credential)
}

func token(credential notify.Credential) string {
	return strings.TrimSpace(credential[tokenKey].Reveal())
}

// tokenPattern is a bearer token (RFC 6750, 2.1). Each homeserver makes them in its own form.
var tokenPattern = regexp.MustCompile(`^[A-Za-z0-9._~+/-]{16,}=*$`)

func check(raw json.RawMessage, credential notify.Credential) error {
	base, err := server(raw, credential)
	if err != nil {
		return err
	}
	if strings.Contains(base, "/_matrix") {
		return errors.New("the server has the path /_matrix: write it without, as https://matrix.example.com")
	}
	value := token(credential)
	switch {
	case value == "":
		return errors.New("the account's Secret has no access token: put it under the key token")
	case strings.Contains(value, "://"):
		return errors.New("the key token of the account's Secret has a URL: put the access token there, and the server into the account's field server")
	case strings.HasPrefix(value, "Bearer "):
		return errors.New("the key token of the account's Secret begins with Bearer, which belongs to the request only: remove it")
	case strings.HasPrefix(value, "xox"):
		return errors.New("the key token of the account's Secret has a token of Slack, not of Matrix")
	case strings.HasPrefix(value, "syr_"), strings.HasPrefix(value, "mar_"), strings.HasPrefix(value, "mcr_"):
		return errors.New("the key token of the account's Secret has a refresh token: log in without refresh_token, and put the access token there")
	case !tokenPattern.MatchString(value):
		return errors.New("the key token of the account's Secret has no access token, which a login returns as access_token; a password is none")
	}
	return nil
}

const (
	serverName  = `(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?`
	written     = "write an alias as #builds:example.com, or a room's ID, which begins with !"
	matrixLinks = "https://matrix.to/"
)

var (
	aliasPattern = regexp.MustCompile(`^#[^\pC\pZ:]+:` + serverName + `$`)
	// The ID of a room of version 12 has no server.
	roomPattern = regexp.MustCompile(`^![A-Za-z0-9._~=/+-]+(?::` + serverName + `)?$`)
	userPattern = regexp.MustCompile(`^@[!-9;-~]+:` + serverName + `$`)
)

func isRoom(id string) bool { return len(id) <= maxID && roomPattern.MatchString(id) }

func isUser(id string) bool { return len(id) <= maxID && userPattern.MatchString(id) }

// address validates a room's alias or ID. Both are case-sensitive.
func address(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
	switch {
	case len(address) <= maxID && aliasPattern.MatchString(address), isRoom(address):
		return address, nil
	case strings.HasPrefix(address, matrixLinks), strings.HasPrefix(address, "matrix:"):
		return "", fmt.Errorf("%.100q is a link, not a room: %s", address, written)
	case userPattern.MatchString(address):
		return "", fmt.Errorf("%.100q is a person, not a room: invite the bot into a room, and %s", address, written)
	case strings.HasPrefix(address, "#") && !strings.Contains(address, ":"):
		return "", fmt.Errorf("the alias %.100q has no server: %s", address, written)
	}
	return "", fmt.Errorf("%.100q is not a Matrix room: %s", address, written)
}

// person validates the ID of a user.
func person(id string) (string, error) {
	if !isUser(id) {
		return "", fmt.Errorf("%.40q is not the ID of a Matrix user: write it as the profile shows it, such as @ann:example.com", id)
	}
	return id, nil
}

func endpoint(raw json.RawMessage, credential notify.Credential, address string) []string {
	base, _ := server(raw, credential) // check has accepted it
	return []string{notify.SameURL(base), token(credential), address}
}

type notifier struct {
	http  *http.Client
	api   string // the URL of the client-server API
	token secret.Value
	user  atomic.Value             // the ID of the token's user, once it is known
	rooms *lru.Cache[string, room] // by address
}

func newNotifier(raw json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	base, err := server(raw, credential)
	if err != nil {
		return nil, err
	}
	rooms, _ := lru.New[string, room](maxRooms) // fails for a size below 1 only
	return &notifier{http: deps.HTTP, api: base + "/_matrix/client/v3", token: secret.New(token(credential)), rooms: rooms}, nil
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
