package importer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/render"
)

// TravisYAML reads the notifications section of a .travis.yml.
func TravisYAML(content []byte, options Options) (*Result, error) {
	var file struct {
		Notifications any `yaml:"notifications"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("this is not a .travis.yml: %w", err)
	}
	sections, ok := file.Notifications.(map[string]any)
	if !ok {
		return nil, errors.New("this .travis.yml has no section notifications")
	}
	r := newResult(options)
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		r.section(name, sections[name])
	}
	return r, nil
}

// section is what notifications say of one service.
func (r *Result) section(name string, value any) {
	where := "notifications." + name
	if off, ok := value.(bool); ok && !off {
		return
	}
	switch name {
	case "slack", "irc", "email":
		r.service(name, where, value)
	case "webhooks":
		r.note(where, "these stay in .travis.yml: Travis goes on posting there itself; add the operator's URL beside them, which kubectl travis token prints")
	case "on_success", "on_failure", "on_start", "on_cancel", "on_error":
		r.note(where, "it is for every service; repeat it in each, or give the routes their events")
	default:
		r.note(where, "the operator knows no such service; it is left out")
	}
}

// rooms is the key below which each service lists its rooms, first the usual one.
var rooms = map[string][]string{
	"slack": {"rooms"},
	"irc":   {"channels"},
	"email": {"recipients"},
}

// service makes one route of a service's section.
func (r *Result) service(name, where string, value any) {
	if !slices.Contains(r.options.Services, name) {
		r.note(where, "the operator has no accounts on %s yet; it is left out", name)
		return
	}
	settings, ok := value.(map[string]any)
	if !ok || settings["secure"] != nil {
		settings = map[string]any{rooms[name][0]: value}
	}
	spec := v1alpha1.TravisRouteSpec{Repository: r.options.Repository}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		r.setting(&spec, name, where+"."+key, key, settings[key])
	}
	if len(spec.Channels) == 0 {
		r.note(where, "it names no room that can be read; it is left out")
		return
	}
	if spec.Events = r.when(name, where, settings); len(spec.Events) == 0 {
		r.note(where, "it never says anything; it is left out")
		return
	}
	r.route(spec)
}

func (r *Result) setting(spec *v1alpha1.TravisRouteSpec, service, where, key string, value any) {
	switch {
	case slices.Contains(rooms[service], key):
		r.channels(spec, service, where, value)
	case key == "template":
		r.template(spec, where, value)
	case key == "on_pull_requests":
		if wanted, ok := value.(bool); ok && !wanted {
			spec.BuildTypes = []v1alpha1.BuildType{"push", "cron", "api"}
		}
	case strings.HasPrefix(key, "on_"), key == "enabled":
	case key == "if":
		r.note(where, "a condition of Travis has to be written anew, as filter, branches or buildTypes of the route")
	default:
		r.note(where, "it belongs to the account now, or is not needed; it is left out")
	}
}

// channels reads rooms, and leaves the credentials that Travis mixes with them.
func (r *Result) channels(spec *v1alpha1.TravisRouteSpec, service, where string, value any) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	account := r.options.Account
	if account == "" {
		account = service
	}
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", where, i)
		text, ok := item.(string)
		if !ok {
			r.note(at, "it is encrypted, so only Travis can read which room it is: name the room in a route yourself")
			continue
		}
		address, said := address(service, text)
		if said != "" {
			r.note(at, "%s", said)
		}
		c := v1alpha1.Channel{Account: account, Address: address}
		if address != "" && !slices.Contains(spec.Channels, c) {
			spec.Channels = append(spec.Channels, c)
		}
	}
}

// address is a room's, and what is to be said of the rest of what Travis had there.
func address(service, text string) (room, said string) {
	switch service {
	case "slack":
		_, channel, ok := strings.Cut(text, "#")
		if !ok {
			return "", "it names no channel, but only a token of Slack's app for Travis, which nobody else can use: name the channel in a route yourself"
		}
		return "#" + channel, "the token of Slack's app for Travis serves nobody else: set up an account with a bot token of your own, kubectl travis account slack --slack"
	case "irc":
		server, channel, ok := strings.Cut(text, "#")
		if !ok {
			return "", "it names no channel; it is left out"
		}
		channel, key, hasKey := strings.Cut(channel, ",")
		server = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(server, "ircs://"), "irc://"), "/")
		said = "the server is the account's: set up an account on " + server
		if hasKey && key != "" {
			said += "; the channel's key is left out"
		}
		return "#" + channel, said
	}
	return text, ""
}

func (r *Result) template(spec *v1alpha1.TravisRouteSpec, where string, value any) {
	text := strings.Join(words(value), "\n")
	if template, err := render.Compile(text, render.Travis); err != nil {
		r.note(where, "%v; the built-in line is sent instead, until that is mended", err)
	} else if err := template.Check(); err != nil {
		r.note(where, "%v; the built-in line is sent instead, until that is mended", err)
	}
	spec.Message = &v1alpha1.MessageTemplate{Text: text, Syntax: v1alpha1.SyntaxTravis}
}

// when turns Travis' always, change and never into events.
func (r *Result) when(service, where string, settings map[string]any) []v1alpha1.EventName {
	success := "always"
	if service == "email" {
		success = "change"
	}
	var events []v1alpha1.EventName
	pick := func(key, otherwise string, always, change []v1alpha1.EventName) {
		said, ok := settings[key].(string)
		if !ok {
			said = otherwise
		}
		switch said {
		case "always", "true":
			events = append(events, always...)
		case "change":
			events = append(events, change...)
			if key == "on_success" {
				r.note(where+"."+key, "change is fixed: the first build of all that passes is not told")
			}
		case "never", "false":
		default:
			r.note(where+"."+key, "%q is none of always, change and never; it is left out", said)
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
