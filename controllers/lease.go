package controllers

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// StatusLease is the name of the lease of the replica that writes status.
const StatusLease = "travishook-status"

// The lease's times are client-go's defaults: a dead holder is replaced within leaseDuration.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// Lease configures the status writer's lease. If it is lost, or the API server fails, only the writing of status
// stops.
type Lease struct {
	Client    coordinationv1client.LeasesGetter
	Namespace string
	// Annotations returns annotations to write with each renewal; may be nil.
	Annotations func() map[string]string
	Log         logr.Logger
}

// hold runs term whenever this replica has the lease, until ctx ends. The context of term ends when the
// lease is lost. hold returns when the last term has returned.
func (l Lease) hold(ctx context.Context, term func(context.Context)) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name this replica: %w", err)
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: l.Namespace, Name: StatusLease},
		Client:     annotatedLeases{l.Client, l.Annotations},
		LockConfig: resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID())},
	}
	for ctx.Err() == nil {
		acquired, ended := make(chan context.Context), make(chan struct{})
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock:            lock,
			LeaseDuration:   leaseDuration,
			RenewDeadline:   renewDeadline,
			RetryPeriod:     retryPeriod,
			ReleaseOnCancel: true,
			Name:            StatusLease,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(ctx context.Context) {
					select {
					case acquired <- ctx:
					case <-ctx.Done():
					}
				},
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			return fmt.Errorf("set up lease %s: %w", StatusLease, err)
		}
		go func() {
			defer close(ended)
			elector.Run(ctx)
		}()
		select {
		case ctx := <-acquired: // the term is over when it returns, not when the lease is lost
			l.Log.Info("acquired the status lease", "lease", StatusLease)
			term(ctx)
		case <-ended:
		}
		<-ended
		if ctx.Err() == nil {
			l.Log.Info("lost the status lease", "lease", StatusLease)
		}
	}
	return nil
}
