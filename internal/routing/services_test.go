package routing

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
)

const operatorNamespace = "travishook-system"

// testConfig has services with simple rules.
func testConfig() Config {
	return Config{
		OperatorNamespace: operatorNamespace,
		Services: map[string]notify.Service{
			"xmpp": {
				Name:    "xmpp",
				Keys:    []notify.Key{{Name: "password", Required: true}},
				Check:   checkXMPP,
				Address: roomOfXMPP,

				KeepsConnection: true,
			},
			"webhook": {
				Name:    "webhook",
				Keys:    []notify.Key{{Name: "url"}, {Name: "hmacKey"}},
				Check:   func(json.RawMessage, notify.Credential) error { return nil },
				Address: keyOfWebhook,
			},
		},
		CheckMessage: func(m v1alpha1.MessageTemplate) error {
			if strings.Contains(m.Text, "%{nonsense}") {
				return errors.New("line 1, column 1: there is no variable nonsense")
			}
			return nil
		},
	}
}

func checkXMPP(config json.RawMessage, credential notify.Credential) error {
	var c struct{ JID string }
	if err := json.Unmarshal(config, &c); err != nil || !strings.Contains(c.JID, "@") {
		return errors.New("jid is no address")
	}
	if credential["password"].Empty() {
		return errors.New(`the Secret has no key "password"`)
	}
	return nil
}

func roomOfXMPP(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
	if !strings.Contains(address, "@") {
		return "", errors.New("a room is name@server")
	}
	return strings.ToLower(address), nil
}

func keyOfWebhook(_ json.RawMessage, credential notify.Credential, address string) (string, error) {
	if address == "" {
		address = "url"
	}
	if credential[address].Empty() {
		return "", fmt.Errorf("the Secret has no key %q", address)
	}
	return address, nil
}
