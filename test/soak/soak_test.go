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
	if v.Kills == 0 || v.Repeated.ByChannel == 0 || v.Edited == 0 {
		t.Errorf("nothing was killed, no answer was lost, or nothing was edited: %+v", v)
	}
}

// The stores below break their promise, and the run must detect it.

func TestAStoreThatAnswersTooEarlyIsFoundOut(t *testing.T) {
	foundOut(t, lost, func() verdict { return soakFor(t, 3*time.Second, victim.Hasty, 2*time.Second) })
}

func TestAStoreThatForgetsIsFoundOut(t *testing.T) {
	foundOut(t, lost, func() verdict { return soakFor(t, 3*time.Second, victim.Forgetful, 2*time.Second) })
}

func TestAStoreThatForgetsOutcomesIsFoundOut(t *testing.T) {
	foundOut(t, forgotten, func() verdict { return soakFor(t, 3*time.Second, victim.Amnesiac, 2*time.Second) })
}

func lost(v verdict) bool { return v.Lost > 0 }

// forgotten: an outcome that was forgotten is sent once more, or is in the store in the end.
func forgotten(v verdict) bool { return v.Forgotten+v.Repeated.Unexplained > 0 && v.Lost == 0 }

// foundOut repeats a short run until it shows what is broken: that a kill comes between a promise and
// what should keep it is chance, and more so on a machine that is busy.
func foundOut(t *testing.T, shows func(verdict) bool, soak func() verdict) {
	t.Helper()
	const runs = 10
	for range runs {
		if shows(soak()) {
			return
		}
	}
	t.Errorf("not found out in %d runs", runs)
}
