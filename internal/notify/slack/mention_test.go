package slack

import (
	"fmt"
	"testing"
	"time"
)

func TestAMemberIsLookedUpAgainAfterAnHour(t *testing.T) {
	var m members
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	if m.has("U1", now) {
		t.Error("a member is known before it is found")
	}
	m.add("U1", now)
	if !m.has("U1", now.Add(time.Hour-1)) || m.has("U1", now.Add(time.Hour)) || m.has("U2", now) {
		t.Error("a member that was found must be known for an hour, and no other")
	}
	for i := range 2 * maxMembers {
		m.add(fmt.Sprint("U", i), now)
	}
	if len(m.found) > maxMembers {
		t.Errorf("%d members are in memory", len(m.found))
	}
}
