package prosody_test

import (
	"slices"
	"testing"
	"time"

	"github.com/travishook/travishook/test/prosody"
)

func TestOccupantsReceiveMessages(t *testing.T) {
	s := prosody.Start(t, prosody.Options{})
	room := "builds@" + prosody.Rooms
	o := s.Join(t, "owner", room)
	o.Say(t, room, "an-id", "hello <you>")
	got := o.Messages(t, 1)[0]
	if got.Body != "hello <you>" || got.ID != "an-id" || got.Room != room || got.Nick != "owner" {
		t.Errorf("got %+v\n%s", got, got.Raw)
	}
}

func TestSessionsAreCounted(t *testing.T) {
	s := prosody.Start(t, prosody.Options{})
	first, second := s.Join(t, "ann"), s.Join(t, "bob")
	second.Close()
	first.Close()
	want := []int{1, 2, 1, 0}
	late := time.After(time.Minute)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for got := s.Sessions(prosody.Account{Name: "owner"}); !slices.Equal(got, want); got = s.Sessions(prosody.Account{Name: "owner"}) {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("sessions were %v, want %v", got, want)
		}
	}
}
