package controllers

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

const (
	// peopleInterval is how often a ConfigMap with people is read.
	peopleInterval = time.Minute
	// peopleTick is how soon one is read that a TravisDefaults begins to name.
	peopleTick = 5 * time.Second
)

// people reads the ConfigMaps that TravisDefaults name, on every replica. It reads them by name, again and
// again, because to watch them the operator would need to list all ConfigMaps.
type people struct {
	live     client.Reader // not from the cache
	compiler *routing.Compiler
	log      logr.Logger

	read map[types.NamespacedName]time.Time
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*people) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (p *people) Start(ctx context.Context) error {
	tick := time.NewTicker(peopleTick)
	defer tick.Stop()
	for {
		p.refresh(ctx, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// refresh reads the ConfigMaps that are due. One that cannot be read keeps its people.
func (p *people) refresh(ctx context.Context, now time.Time) {
	read := map[types.NamespacedName]time.Time{}
	for _, key := range p.compiler.PeopleSources() {
		if last, ok := p.read[key]; ok && now.Sub(last) < peopleInterval {
			read[key] = last
			continue
		}
		read[key] = now
		var m corev1.ConfigMap
		err := p.live.Get(ctx, key, &m)
		if err != nil && !apierrors.IsNotFound(err) {
			p.log.Error(err, "ConfigMap with people cannot be read; the people read last are used", "namespace", key.Namespace, "name", key.Name)
			continue
		}
		p.compiler.PutPeople(key, routing.PeopleData{Found: err == nil, YAML: m.Data[v1alpha1.PeopleKey]})
	}
	p.read = read
}
