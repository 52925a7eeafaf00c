package importer

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/render"
)

// TravisYAML converts the notifications section of a .travis.yml.
func TravisYAML(content []byte, options Options) (*Result, error) {
	var file struct {
		Notifications any `yaml:"notifications"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("not a .travis.yml: %w", err)
	}
	if on, ok := file.Notifications.(bool); ok && !on {
		return nil, errors.New("the .travis.yml switches notifications off, so there is nothing to convert")
	}
	sections, ok := file.Notifications.(map[string]any)
	if !ok {
		return nil, errors.New("the .travis.yml has no section notifications")
	}
	r := newResult(options)
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		r.section(name, sections[name])
	}
	return r, nil
}

// section converts the settings of one service.
func (r *Result) section(name string, value any) {
	where := "notifications." + name
	if off, ok := value.(bool); ok && !off {
		return
	}
	switch name {
	case "slack", "irc", "email":
		r.service(name, where, value)
	case "webhooks":
		r.service(name, where, value)
		r.note(where, "add the webhook URL that kubectl travis token prints, or nothing reaches the operator")
	case "on_success", "on_failure", "on_start", "on_cancel", "on_error":
		r.note(where, "it applies to every service; repeat it for each service, or set the routes' events")
	default:
		r.note(where, "the operator does not support this service; it is left out")
	}
}

// channelKeys are the keys under which each service lists its channels, the common one first.
var channelKeys = map[string][]string{
	"slack": {"rooms"},
	"irc":   {"channels"},
	"email": {"recipients"},
	// With webhooks, each item may be a section of its own, with the key url.
	"webhooks": {"urls"},
}

// serviceOf returns the operator's service for a section of Travis, or for an item of webhooks.
func serviceOf(section string, item map[string]any) string {
	switch {
	case section != "webhooks":
		return section
	case item["msteams"] == true:
		return "teams"
	}
	return "webhook"
}

// service converts a service's section to a route, or to several if the section is a list.
func (r *Result) service(name, where string, value any) {
	if service := serviceOf(name, nil); !slices.Contains(r.options.Services, service) {
		r.note(where, "the operator does not support %s yet; it is left out", service)
		return
	}
	list, ok := value.([]any)
	isSection := func(item any) bool {
		settings, ok := item.(map[string]any)
		return ok && settings["secure"] == nil && settings["url"] == nil
	}
	if !ok || !slices.ContainsFunc(list, isSection) {
		r.serviceRoute(name, where, value)
		return
	}
	var channels []any
	for i, item := range list {
		if isSection(item) {
			r.serviceRoute(name, fmt.Sprintf("%s[%d]", where, i), item)
			continue
		}
		channels = append(channels, item)
	}
	if len(channels) > 0 {
		r.serviceRoute(name, where, channels)
	}
}

func (r *Result) serviceRoute(name, where string, value any) {
	settings, ok := value.(map[string]any)
	if !ok || settings["secure"] != nil || settings["url"] != nil {
		settings = map[string]any{channelKeys[name][0]: value}
	}
	spec := v1alpha1.TravisRouteSpec{Repository: r.options.Repository}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		r.setting(&spec, name, where+"."+key, key, settings[key])
	}
	if len(spec.Channels) == 0 {
		r.note(where, "no readable channel; it is left out")
		return
	}
	if spec.Events = r.when(name, where, settings); len(spec.Events) == 0 {
		r.note(where, "it never sends anything; it is left out")
		return
	}
	r.route(spec)
}

func (r *Result) setting(spec *v1alpha1.TravisRouteSpec, service, where, key string, value any) {
	switch {
	case slices.Contains(channelKeys[service], key):
		r.channels(spec, service, where, value)
	case key == "template":
		r.template(spec, where, value)
	case key == "on_pull_requests":
		if pulls, ok := value.(bool); ok && !pulls && len(spec.BuildTypes) == 0 {
			spec.BuildTypes = []v1alpha1.BuildType{"push", "cron", "api"}
		}
	case strings.HasPrefix(key, "on_"), key == "enabled":
	case key == "if":
		if text, ok := value.(string); !ok || !applyCondition(spec, text) {
			r.note(where, "the condition cannot be converted: use branches, buildTypes or filter of the route")
		}
	default:
		r.note(where, "it is a setting of the account, or not needed; it is left out")
	}
}

// channels converts channels, without the credentials that Travis mixes with them.
func (r *Result) channels(spec *v1alpha1.TravisRouteSpec, service, where string, value any) {
	for i, item := range listed(service, value) {
		at := fmt.Sprintf("%s[%d]", where, i)
		settings, _ := item.(map[string]any)
		if url, ok := settings["url"]; ok {
			item = url
		}
		text, ok := item.(string)
		if !ok {
			r.note(at, "%s", unreadable(settings))
			continue
		}
		c := v1alpha1.Channel{Account: serviceOf(service, settings)}
		var note string
		if service == "webhooks" {
			c.Address, note = r.key(c.Account, text)
		} else {
			c.Address, note = address(service, text)
		}
		if note != "" {
			r.note(at, "%s", note)
		}
		if r.options.Account != "" {
			c.Account = r.options.Account
		}
		if c.Address != "" && !slices.Contains(spec.Channels, c) {
			spec.Channels = append(spec.Channels, c)
		}
	}
}

// listed returns the channels that value has. Travis takes one as well as a list, and of e-mail addresses a text
// that separates them with commas.
func listed(service string, value any) (list []any) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	if service != "email" {
		return list
	}
	var single []any
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			single = append(single, item)
			continue
		}
		for address := range strings.SplitSeq(text, ",") {
			single = append(single, strings.TrimSpace(address))
		}
	}
	return single
}

// unreadable says why a channel that is no text cannot be converted.
func unreadable(settings map[string]any) string {
	if _, encrypted := settings["secure"]; encrypted {
		return "it is encrypted for Travis: add the channel to a route yourself"
	}
	return "it is not a text: write the channel as Travis' documentation does; it is left out"
}

// key returns the key of the account's Secret that is to hold a URL, which is a secret, and what to do with it.
func (r *Result) key(service, text string) (key, note string) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", "it is not a URL; it is left out"
	}
	host := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(u.Hostname()), "-"), "-")
	key = host
	for i := 2; r.urls[key] != "" && r.urls[key] != text; i++ {
		key = fmt.Sprintf("%s-%d", host, i)
	}
	r.urls[key] = text
	note = fmt.Sprintf("put this URL under the key %s of the Secret of an account, kubectl travis account %s --%s, and remove it from .travis.yml", key, service, service)
	if service == "webhook" {
		note += "; the operator posts its own JSON there, so if the server needs Travis' JSON, keep the URL and delete the channel"
	}
	return key, note
}

// address returns the channel's address, and a note about the rest of Travis' setting.
func address(service, text string) (channel, note string) {
	switch service {
	case "slack":
		_, channel, ok := strings.Cut(text, "#")
		if !ok {
			return "", "it has no channel, only a token of Slack's app for Travis, which the operator cannot use: add the channel to a route yourself"
		}
		return "#" + channel, "the operator cannot use the token of Slack's app for Travis: set up an account with your own bot token, kubectl travis account slack --slack"
	case "irc":
		server, channel, ok := strings.Cut(text, "#")
		if !ok {
			return "", "no channel; it is left out"
		}
		channel, key, hasKey := strings.Cut(channel, ",")
		server = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(server, "ircs://"), "irc://"), "/")
		note = "the server is a setting of the account: set up an account on " + server
		if hasKey && key != "" {
			note += "; the channel's key is left out"
		}
		return "#" + channel, note
	}
	return text, ""
}

func (r *Result) template(spec *v1alpha1.TravisRouteSpec, where string, value any) {
	text := strings.Join(words(value), "\n")
	if template, err := render.Compile(text, render.Travis); err != nil {
		r.note(where, "%v; the default text is sent until you fix it", err)
	} else if err := template.Check(); err != nil {
		r.note(where, "%v; the default text is sent until you fix it", err)
	}
	spec.Message = &v1alpha1.MessageTemplate{Text: text, Syntax: v1alpha1.SyntaxTravis}
}

// when converts always, change and never to events.
func (r *Result) when(service, where string, settings map[string]any) []v1alpha1.EventName {
	success := "always"
	if service == "email" {
		success = "change"
	}
	var events []v1alpha1.EventName
	pick := func(key, otherwise string, always, change []v1alpha1.EventName) {
		setting, ok := settings[key].(string)
		if !ok {
			setting = otherwise
		}
		switch setting {
		case "always", "true":
			events = append(events, always...)
		case "change":
			events = append(events, change...)
			if key == "on_success" {
				r.note(where+"."+key, "change becomes fixed: the very first build that passes is not announced")
			}
		case "never", "false":
		default:
			r.note(where+"."+key, "%q is not always, change or never; it is left out", setting)
		}
	}
	pick("on_success", success, []v1alpha1.EventName{"passed", "fixed"}, []v1alpha1.EventName{"fixed"})
	pick("on_failure", "always", []v1alpha1.EventName{"broken", "failed", "still_failing"}, []v1alpha1.EventName{"broken", "failed"})
	pick("on_error", "always", []v1alpha1.EventName{"errored"}, []v1alpha1.EventName{"errored"})
	pick("on_cancel", "always", []v1alpha1.EventName{"canceled"}, []v1alpha1.EventName{"canceled"})
	pick("on_start", "never", []v1alpha1.EventName{"pending"}, []v1alpha1.EventName{"pending"})
	if len(events) == 8 {
		return []v1alpha1.EventName{v1alpha1.EventAll}
	}
	return events
}
