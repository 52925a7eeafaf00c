package prosody_test

import (
	"testing"

	"github.com/travishook/travishook/test/prosody"
)

func TestARoomHearsWhatIsSaidInIt(t *testing.T) {
	s := prosody.Start(t, prosody.Options{})
	room := "builds@" + prosody.Rooms
	o := s.Join(t, "owner", room)
	o.Say(t, room, "an-id", "hello <you>")
	got := o.Said(t, 1)[0]
	if got.Body != "hello <you>" || got.ID != "an-id" || got.Room != room || got.Nick != "owner" {
		t.Errorf("got %+v\n%s", got, got.Raw)
	}
}
