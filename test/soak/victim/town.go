package victim

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
)

// Town is who lives on a victim: teams, each with a namespace, a repository and some rooms of its
// own, all behind one URL.
type Town struct {
	Teams        int
	RoomsPerTeam int
	URL          string // of all rooms
}

// Repository of a team.
func (t Town) Repository(team int) string { return fmt.Sprintf("team-%d/project", team) }

// Rooms is how many there are.
func (t Town) Rooms() int { return t.Teams * t.RoomsPerTeam }

// RoomsOf a team, by their numbers in the town.
func (t Town) RoomsOf(team int) []int {
	rooms := make([]int, t.RoomsPerTeam)
	for i := range rooms {
		rooms[i] = team*t.RoomsPerTeam + i
	}
	return rooms
}

// Path of a room under the town's URL.
func (t Town) Path(room int) string { return fmt.Sprintf("/room/%d", room) }

// ParseRoom is the reverse of Path.
func ParseRoom(path string) (room int, err error) {
	_, err = fmt.Sscanf(path, "/room/%d", &room)
	return room, err
}

// NamespaceOf a team.
func NamespaceOf(team int) string { return fmt.Sprintf("team-%d", team) }

// accountOf a team. Accounts are what replicas divide among them, so each team has its own.
func accountOf(team int) string { return fmt.Sprintf("chat-%d", team) }

func keyOf(room int) string { return fmt.Sprintf("room-%d", room) }

// RoomOf is the number of the room that a stored target's address names.
func RoomOf(address string) (room int, err error) {
	_, err = fmt.Sscanf(address, "room-%d", &room)
	return room, err
}

// Objects are what a cluster holds of the town.
type Objects struct {
	Defaults []*v1alpha1.TravisDefaults
	Secrets  []routing.Secret
	Routes   []*v1alpha1.TravisRoute
}

// SystemNamespace is the operator's.
const SystemNamespace = "travishook-system"

// Objects of the town. Every team may hear what is signed.
func (t Town) Objects() Objects {
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

func (t Town) declare(o *Objects, team int) {
	namespace := NamespaceOf(team)
	urls := map[string]secret.Value{}
	var channels []v1alpha1.Channel
	for _, room := range t.RoomsOf(team) {
		urls[keyOf(room)] = secret.New(t.URL + t.Path(room))
		channels = append(channels, v1alpha1.Channel{Account: accountOf(team), Address: keyOf(room)})
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
	o.Routes = append(o.Routes, &v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "route"},
		Spec: v1alpha1.TravisRouteSpec{
			Repository: t.Repository(team), Events: []v1alpha1.EventName{"*"}, Channels: channels,
		},
	})
}

// compile puts the town's objects into a table.
func (t Town) compile() *routing.Compiler {
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
