package notify

import (
	"net/url"
	"strings"
)

// webhookHosts are the ends of the hosts where services take webhooks.
var webhookHosts = []struct{ suffix, service string }{
	{"hooks.slack.com", "Slack"},
	{"discord.com", "Discord"},
	{"discordapp.com", "Discord"},
	{"chat.googleapis.com", "Google Chat"},
	{"webhook.office.com", "Microsoft Teams"},
	{"outlook.office.com", "Microsoft Teams"},
	{"outlook.office365.com", "Microsoft Teams"},
	{"logic.azure.com", "Microsoft Teams"},
	{"api.powerplatform.com", "Microsoft Teams"},
	{"api.telegram.org", "Telegram"},
	{"events.pagerduty.com", "PagerDuty"},
	{"events.eu.pagerduty.com", "PagerDuty"},
}

// ServiceOfURL returns the title of the service whose host a URL has, empty if it is none that is known: a
// webhook of another service is easily put into the wrong Secret.
func ServiceOfURL(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return ""
	}
	host := "." + strings.ToLower(u.Hostname())
	for _, w := range webhookHosts {
		if strings.HasSuffix(host, "."+w.suffix) {
			return w.service
		}
	}
	return ""
}
