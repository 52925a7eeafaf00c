package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// people of the namespace team: Ada has an id in the service, Grace has none.
var people = []v1alpha1.Person{
	{Name: "ada", Emails: []v1alpha1.Email{"Ada@example.com"}, IDs: map[string]v1alpha1.PersonID{"webhook": "A1"}},
	{Name: "grace", Emails: []v1alpha1.Email{v1alpha1.Email(travis.HashEmail("grace@example.com"))}, IDs: map[string]v1alpha1.PersonID{}},
}

func (f fixture) putPeople(namespace string) {
	d := &v1alpha1.TravisDefaults{}
	d.Namespace, d.Name, d.Generation = namespace, v1alpha1.DefaultsName, 2
	d.Spec.Accounts = []v1alpha1.Account{{
		Name: "chat", Webhook: &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}},
	}}
	d.Spec.People = people
	f.PutDefaults(d)
}

// TestWhoBrokeItIsMentioned: the author of a build that breaks, and nobody else.
func TestWhoBrokeItIsMentioned(t *testing.T) {
	mentions := notify.Capabilities{Mention: true}
	for name, test := range map[string]struct {
		mention v1alpha1.Mention
		can     notify.Capabilities
		email   string
		result  travis.Result
		build   travis.BuildType
		want    string // the id
		note    string
	}{
		"broken":         {v1alpha1.MentionAuthor, mentions, "ada@Example.com", travis.Broken, travis.Push, "A1", "mentioned ada (A1)"},
		"errored":        {v1alpha1.MentionAuthor, mentions, "ada@example.com", travis.Errored, travis.Cron, "A1", "mentioned ada (A1)"},
		"still failing":  {v1alpha1.MentionAuthor, mentions, "ada@example.com", travis.StillFailing, travis.Push, "", ""},
		"fixed":          {v1alpha1.MentionAuthor, mentions, "ada@example.com", travis.Fixed, travis.Push, "", ""},
		"not asked for":  {v1alpha1.MentionNone, mentions, "ada@example.com", travis.Broken, travis.Push, "", ""},
		"omitted":        {"", mentions, "ada@example.com", travis.Broken, travis.Push, "", ""},
		"pull request":   {v1alpha1.MentionAuthor, mentions, "ada@example.com", travis.Broken, travis.PullRequest, "", "mentioned nobody: it is a build of a pull request"},
		"asked for that": {v1alpha1.MentionAuthorAndPullRequests, mentions, "ada@example.com", travis.Broken, travis.PullRequest, "A1", "mentioned ada (A1)"},
		"a stranger":     {v1alpha1.MentionAuthor, mentions, "eve@example.com", travis.Broken, travis.Push, "", `mentioned nobody: the address of the commit's author, "Eve", is not in people`},
		"no address":     {v1alpha1.MentionAuthor, mentions, "", travis.Broken, travis.Push, "", "mentioned nobody: Travis sent no e-mail address of the commit's author"},
		"no id":          {v1alpha1.MentionAuthor, mentions, "grace@example.com", travis.Broken, travis.Push, "", "mentioned nobody: people has no id of grace for webhook"},
		"no mentions":    {v1alpha1.MentionAuthor, notify.Capabilities{}, "ada@example.com", travis.Broken, travis.Push, "", "mentioned nobody: webhook cannot mention ada"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got notify.Message
				r := startAs(t, test.can, func(_ context.Context, m notify.Message) error { got = m; return nil }, "builds")
				r.putPeople("system") // the cluster's apply to the namespace
				r.putRoute(&v1alpha1.MessageTemplate{Mention: test.mention}, "builds")
				d := delivery("1", "builds")
				d.Event.Build.Result, d.Event.Build.Type = test.result, test.build
				d.Event.Commit = travis.Commit{Author: "Eve\n", AuthorHash: travis.HashEmail(test.email)}
				r.queue.lanes[queue.Healthy] <- d
				synctest.Wait()
				if got.ID == "" || got.Mention != test.want {
					t.Errorf("message %q mentions %q, want %q", got.ID, got.Mention, test.want)
				}
				if o := r.queue.outcomes()[0].Outcome; o.Kind != queue.Delivered || o.Reason != test.note {
					t.Errorf("outcome %s: %q, want %q", o.Kind, o.Reason, test.note)
				}
			})
		})
	}
}

// TestAMessageArrivesThoughThePersonLeft: in the same attempt, without the mention.
func TestAMessageArrivesThoughThePersonLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown []string
		r := startAs(t, notify.Capabilities{Mention: true}, func(_ context.Context, m notify.Message) error {
			if m.Mention != "" {
				return notify.NoSuchPerson(errors.New("the member A1 has left: remove it from people"))
			}
			shown = append(shown, m.ID)
			return nil
		}, "builds")
		r.putPeople("team")
		r.putRoute(&v1alpha1.MessageTemplate{Mention: v1alpha1.MentionAuthor}, "builds")
		d := delivery("1", "builds")
		d.Event.Build.Result, d.Event.Commit.AuthorHash = travis.Broken, travis.HashEmail("ada@example.com")
		r.queue.lanes[queue.Healthy] <- d
		synctest.Wait()
		o := r.queue.outcomes()[0]
		if want := "mentioned nobody: the member A1 has left: remove it from people"; len(shown) != 1 || o.Outcome.Reason != want || o.Delivery.Attempt != 1 {
			t.Errorf("shown %q after attempt %d: %q, want %q", shown, o.Delivery.Attempt, o.Outcome.Reason, want)
		}
	})
}

// TestSilentEvents: the defaults' unless the route has its own, even none.
func TestSilentEvents(t *testing.T) {
	for name, test := range map[string]struct {
		message *v1alpha1.MessageTemplate
		result  travis.Result
		want    bool
	}{
		"omitted":         {nil, travis.Passed, true},
		"another event":   {nil, travis.Fixed, false},
		"the route's own": {&v1alpha1.MessageTemplate{Silent: []v1alpha1.EventName{"fixed"}}, travis.Passed, false},
		"none":            {&v1alpha1.MessageTemplate{Silent: []v1alpha1.EventName{}}, travis.Passed, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got notify.Message
				r := startAs(t, notify.Capabilities{Silent: true}, func(_ context.Context, m notify.Message) error { got = m; return nil }, "builds")
				defaults := &v1alpha1.TravisDefaults{}
				defaults.Namespace, defaults.Name = "system", v1alpha1.DefaultsName
				defaults.Spec.Message = &v1alpha1.MessageTemplate{Silent: []v1alpha1.EventName{"success"}}
				r.PutDefaults(defaults)
				r.putRoute(test.message, "builds")
				d := delivery("1", "builds")
				d.Event.Build.Result = test.result
				r.queue.lanes[queue.Healthy] <- d
				synctest.Wait()
				if got.ID == "" || got.Silent != test.want {
					t.Errorf("message %q is silent: %v, want %v", got.ID, got.Silent, test.want)
				}
			})
		})
	}
}
