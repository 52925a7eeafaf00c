package app

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/queue/wal"
)

const (
	// annotationMark holds the journal's high-water mark, on the lease of the status writer. A volume that
	// was restored from a backup and a cluster that lost its stream are behind it.
	annotationMark = "travishook.dev/journal"
	// markInterval is how often it is updated.
	markInterval = time.Minute
	markTimeout  = 10 * time.Second
)

// markAnnotation returns the lease's annotation, at most markInterval old.
func markAnnotation(mark func() wal.HighWater) func() map[string]string {
	var mu sync.Mutex
	var at time.Time
	var text []byte
	return func() map[string]string {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(at) >= markInterval {
			at = time.Now()
			text, _ = json.Marshal(mark()) // numbers, a text and a time: cannot fail
		}
		return map[string]string{annotationMark: string(text)}
	}
}

// knownMark reads the mark that the previous process wrote, if there is one.
func knownMark(ctx context.Context, client coordinationv1client.LeasesGetter, namespace string, log logr.Logger) *wal.HighWater {
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	lease, err := client.Leases(namespace).Get(ctx, controllers.StatusLease, metav1.GetOptions{})
	if err != nil {
		if !apierrors.IsNotFound(err) {
			log.Info("high-water mark of the journal cannot be read from the lease", "reason", err.Error())
		}
		return nil
	}
	text, ok := lease.Annotations[annotationMark]
	if !ok {
		return nil
	}
	var mark wal.HighWater
	if err := json.Unmarshal([]byte(text), &mark); err != nil {
		log.Info("high-water mark of the journal on the lease does not decode", "reason", err.Error())
		return nil
	}
	return &mark
}
