// Package registry lists the chat services. Adding one is a package and a line here.
package registry

import (
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/discord"
	"github.com/travishook/travishook/internal/notify/email"
	"github.com/travishook/travishook/internal/notify/slack"
	"github.com/travishook/travishook/internal/notify/webhook"
	"github.com/travishook/travishook/internal/notify/xmpp"
)

// Services are all chat services, by name: the account's block in TravisDefaults.
var Services = map[string]notify.Service{
	discord.Service.Name: discord.Service,
	email.Service.Name:   email.Service,
	slack.Service.Name:   slack.Service,
	webhook.Service.Name: webhook.Service,
	xmpp.Service.Name:    xmpp.Service,
}
