package victim

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
)

// Tenants describes the teams of a victim: each has a namespace, a repository and some channels. One URL serves all
// channels.
type Tenants struct {
	Teams           int
	ChannelsPerTeam int
	URL             string // of all channels
}

// Repository of a team.
func (t Tenants) Repository(team int) string { return fmt.Sprintf("team-%d/project", team) }

// Edits reports whether the team's channels show each build in one message.
func (Tenants) Edits(team int) bool { return team/2%2 == 1 }

// Channels returns the number of channels.
func (t Tenants) Channels() int { return t.Teams * t.ChannelsPerTeam }

// ChannelsOf returns the numbers of a team's channels.
func (t Tenants) ChannelsOf(team int) []int {
	channels := make([]int, t.ChannelsPerTeam)
	for i := range channels {
		channels[i] = team*t.ChannelsPerTeam + i
	}
	return channels
}

// Path returns a channel's path under the URL.
func (t Tenants) Path(channel int) string { return fmt.Sprintf("/channel/%d", channel) }

// ParseChannel is the reverse of Path.
func ParseChannel(path string) (channel int, err error) {
	_, err = fmt.Sscanf(path, "/channel/%d", &channel)
	return channel, err
}

// NamespaceOf a team.
func NamespaceOf(team int) string { return fmt.Sprintf("team-%d", team) }

// accountOf returns the name of a team's account. Each team has its own, so that replicas share the work.
func accountOf(team int) string { return fmt.Sprintf("chat-%d", team) }

func keyOf(channel int) string { return fmt.Sprintf("channel-%d", channel) }

// ChannelOf returns the number of the channel that a stored target's address names.
func ChannelOf(address string) (channel int, err error) {
	_, err = fmt.Sscanf(address, "channel-%d", &channel)
	return channel, err
}

// Objects are the tenants' Kubernetes objects.
type Objects struct {
	Defaults []*v1alpha1.TravisDefaults
	Secrets  []routing.Secret
	Routes   []*v1alpha1.TravisRoute
}

// SystemNamespace is the operator's.
const SystemNamespace = "travishook-system"

// Objects returns the tenants' objects. Every team is authorized for every repository by signature alone.
func (t Tenants) Objects() Objects {
	o := Objects{Defaults: []*v1alpha1.TravisDefaults{{
		ObjectMeta: metav1.ObjectMeta{Namespace: SystemNamespace, Name: v1alpha1.DefaultsName},
		Spec: v1alpha1.TravisDefaultsSpec{SignatureOnly: &v1alpha1.SignatureOnly{
			Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: []v1alpha1.RepositoryGlob{"*/*"},
		}},
	}}}
	for team := range t.Teams {
		t.declare(&o, team)
	}
	return o
}

func (t Tenants) declare(o *Objects, team int) {
	namespace := NamespaceOf(team)
	urls := map[string]secret.Value{}
	var specs []v1alpha1.Channel
	for _, channel := range t.ChannelsOf(team) {
		urls[keyOf(channel)] = secret.New(t.URL + t.Path(channel))
		specs = append(specs, v1alpha1.Channel{Account: accountOf(team), Address: keyOf(channel)})
	}
	o.Secrets = append(o.Secrets, routing.Secret{
		Namespace: namespace, Name: "chat", Type: v1alpha1.SecretTypeCredential, Data: urls,
	})
	o.Defaults = append(o.Defaults, &v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName},
		Spec: v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{{
			Name: accountOf(team), Webhook: &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}},
		}}},
	})
	var message *v1alpha1.MessageTemplate
	if t.Edits(team) {
		message = &v1alpha1.MessageTemplate{Updates: v1alpha1.UpdatesEdit}
	}
	o.Routes = append(o.Routes, &v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "route"},
		Spec: v1alpha1.TravisRouteSpec{
			Repository: t.Repository(team), Events: []v1alpha1.EventName{"*"}, Channels: specs, Message: message,
		},
	})
}

// compile compiles the tenants' objects into a routing table.
func (t Tenants) compile() *routing.Compiler {
	c := routing.NewCompiler(routing.Config{OperatorNamespace: SystemNamespace, Services: registry.Services})
	o := t.Objects()
	for _, s := range o.Secrets {
		c.PutSecret(s)
	}
	for _, d := range o.Defaults {
		c.PutDefaults(d)
	}
	for _, r := range o.Routes {
		r.UID, r.Generation = "1", 1
		c.PutRoute(r)
	}
	return c
}
