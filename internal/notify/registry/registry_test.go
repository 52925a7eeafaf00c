package registry_test

import (
	"testing"

	"github.com/travishook/travishook/internal/notify/discord/discordtest"
	"github.com/travishook/travishook/internal/notify/email/emailtest"
	"github.com/travishook/travishook/internal/notify/googlechat/googlechattest"
	"github.com/travishook/travishook/internal/notify/irc/irctest"
	"github.com/travishook/travishook/internal/notify/matrix/matrixtest"
	"github.com/travishook/travishook/internal/notify/mattermost/mattermosttest"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/pagerduty/pagerdutytest"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/notify/rocketchat/rocketchattest"
	"github.com/travishook/travishook/internal/notify/slack/slacktest"
	"github.com/travishook/travishook/internal/notify/teams/teamstest"
	"github.com/travishook/travishook/internal/notify/telegram/telegramtest"
	"github.com/travishook/travishook/internal/notify/webhook/webhooktest"
	"github.com/travishook/travishook/internal/notify/xmpp/xmpptest"
	"github.com/travishook/travishook/internal/notify/zulip/zuliptest"
	"github.com/travishook/travishook/test/ircd"
)

// harnesses are those of each service: one for each way in which it can be set up.
var harnesses = map[string]map[string]notifytest.Harness{
	"discord": {"webhooks": discordtest.Harness{}},
	"irc":     {"ngIRCd": irctest.Harness{Kind: ircd.Ngircd}}, // InspIRCd with make test-servers
	"email": {
		"STARTTLS": emailtest.Harness{TLS: "StartTLS"},
		"TLS":      emailtest.Harness{TLS: "TLS"},
		"no login": emailtest.Harness{TLS: "None"},
	},
	"googlechat": {"webhooks": googlechattest.Harness{}},
	"matrix":     {"bot": matrixtest.Harness{}}, // Dendrite with make test-servers
	"mattermost": {
		"bot":               mattermosttest.Harness{},
		"incoming webhooks": mattermosttest.Harness{Webhooks: true},
	},
	"pagerduty": {
		"default":   pagerdutytest.Harness{},
		"region EU": pagerdutytest.Harness{EU: true},
	},
	"rocketchat": {
		"bot":          rocketchattest.Harness{},
		"integrations": rocketchattest.Harness{Webhooks: true},
	},
	"slack": {
		"bot token":         slacktest.Harness{},
		"incoming webhooks": slacktest.Harness{Webhooks: true},
	},
	"teams":    {"workflows": teamstest.Harness{}},
	"telegram": {"bot": telegramtest.Harness{}},
	"webhook": {
		"JSON":        webhooktest.Harness{Format: "JSON"},
		"CloudEvents": webhooktest.Harness{Format: "CloudEvents"},
	},
	"xmpp":  {"Prosody": xmpptest.Harness{}},
	"zulip": {"bot": zuliptest.Harness{}},
}

func TestEveryServiceKeepsTheContract(t *testing.T) {
	for name, service := range registry.Services {
		t.Run(name, func(t *testing.T) {
			if service.Name != name {
				t.Errorf("registered as %q, calls itself %q", name, service.Name)
			}
			if len(harnesses[name]) == 0 {
				t.Fatal("has no harness: write one in a package of its own and add it here")
			}
			for set, harness := range harnesses[name] {
				t.Run(set, func(t *testing.T) {
					if got := harness.Service().Name; got != name {
						t.Fatalf("the harness tests %q", got)
					}
					notifytest.Run(t, harness)
				})
			}
		})
	}
}
