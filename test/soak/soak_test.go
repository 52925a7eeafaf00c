package main

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/travishook/travishook/test/soak/victim"
)

func TestMain(m *testing.M) {
	victim.RunIfAsked()
	os.Exit(m.Run())
}

func soakFor(t *testing.T, span time.Duration, engine string, patient time.Duration) verdict {
	t.Helper()
	return soakWith(t, options{engine: engine, span: span, life: 500 * time.Millisecond, patient: patient})
}

func soakWith(t *testing.T, o options) verdict {
	t.Helper()
	o.dir, o.rate, o.teams, o.say = t.TempDir(), 60, 52, t.Logf
	v, err := run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := v.print(&table); err != nil {
		t.Fatal(err)
	}
	t.Log(table.String())
	return v
}

// TestNothingIsLost is half a minute of `make soak`.
func TestNothingIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	v := soakFor(t, 30*time.Second, victim.Embedded, 2*time.Minute)
	for _, fault := range v.Faults {
		t.Error(fault)
	}
	if v.Kills == 0 || v.Repeated.ByRoom == 0 {
		t.Errorf("nothing was killed, or no answer was lost: %+v", v)
	}
}

// The stores below break their promise. A run that did not find that out would show nothing.

func TestAStoreThatAnswersTooEarlyIsFoundOut(t *testing.T) {
	if v := soakFor(t, 3*time.Second, victim.Hasty, 2*time.Second); v.Lost == 0 {
		t.Error("nothing was lost")
	}
}

func TestAStoreThatForgetsIsFoundOut(t *testing.T) {
	if v := soakFor(t, 3*time.Second, victim.Forgetful, 2*time.Second); v.Lost == 0 {
		t.Error("nothing was lost")
	}
}

func TestAStoreThatForgetsOutcomesIsFoundOut(t *testing.T) {
	expectForgotten(t, soakFor(t, 3*time.Second, victim.Amnesiac, 2*time.Second))
}

// expectForgotten: what was forgotten is sent once more, or is in the store in the end.
func expectForgotten(t *testing.T, v verdict) {
	t.Helper()
	if v.Forgotten+v.Repeated.Unexplained == 0 || v.Lost > 0 {
		t.Errorf("%d lost, and these faults: %q", v.Lost, v.Faults)
	}
}
