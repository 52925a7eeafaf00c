// Package registry lists the chat services. Adding one is a package and a line here.
package registry

import (
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/discord"
	"github.com/travishook/travishook/internal/notify/email"
	"github.com/travishook/travishook/internal/notify/googlechat"
	"github.com/travishook/travishook/internal/notify/irc"
	"github.com/travishook/travishook/internal/notify/matrix"
	"github.com/travishook/travishook/internal/notify/mattermost"
	"github.com/travishook/travishook/internal/notify/pagerduty"
	"github.com/travishook/travishook/internal/notify/rocketchat"
	"github.com/travishook/travishook/internal/notify/slack"
	"github.com/travishook/travishook/internal/notify/teams"
	"github.com/travishook/travishook/internal/notify/telegram"
	"github.com/travishook/travishook/internal/notify/webhook"
	"github.com/travishook/travishook/internal/notify/xmpp"
	"github.com/travishook/travishook/internal/notify/zulip"
)

// Services are all chat services, by name: the account's block in TravisDefaults.
var Services = byName(
	discord.Service,
	email.Service,
	googlechat.Service,
	irc.Service,
	matrix.Service,
	mattermost.Service,
	pagerduty.Service,
	rocketchat.Service,
	slack.Service,
	teams.Service,
	telegram.Service,
	webhook.Service,
	xmpp.Service,
	zulip.Service,
)

func byName(services ...notify.Service) map[string]notify.Service {
	named := make(map[string]notify.Service, len(services))
	for _, s := range services {
		named[s.Name] = s
	}
	return named
}
