package main

import (
	"testing"
	"time"

	"github.com/travishook/travishook/test/nats"
	"github.com/travishook/travishook/test/soak/victim"
)

// sharedSoak is a run with three replicas on a NATS cluster. The lease is shorter than in production,
// so that the run is.
func sharedSoak(t *testing.T, span time.Duration, engine string, patient time.Duration) verdict {
	t.Helper()
	nats.Need(t)
	return soakWith(t, options{
		engine: engine, span: span, life: 3 * time.Second, patient: patient,
		shared: &shared{root: "../..", replicas: 3, lease: 2 * time.Second},
	})
}

// TestReplicasLoseNothing is a part of `make soak` on the external engine; no server is lost in it.
func TestReplicasLoseNothing(t *testing.T) {
	v := sharedSoak(t, 10*time.Second, victim.External, 2*time.Minute)
	for _, fault := range v.Faults {
		t.Error(fault)
	}
	if v.Kills == 0 || v.Repeated.ByChannel == 0 || v.Edited == 0 {
		t.Errorf("nothing was killed, no answer was lost, or nothing was edited: %+v", v)
	}
}

// The stores below break their promise, each on every replica.

func TestReplicasThatAnswerTooEarlyAreFoundOut(t *testing.T) {
	t.Parallel()
	foundOut(t, lost, func() verdict { return sharedSoak(t, 6*time.Second, victim.Hasty, time.Second) })
}

func TestReplicasThatForgetAreFoundOut(t *testing.T) {
	t.Parallel()
	foundOut(t, lost, func() verdict { return sharedSoak(t, 3*time.Second, victim.Forgetful, time.Second) })
}

func TestReplicasThatForgetOutcomesAreFoundOut(t *testing.T) {
	t.Parallel()
	foundOut(t, forgotten, func() verdict { return sharedSoak(t, 6*time.Second, victim.Amnesiac, 3*time.Second) })
}
