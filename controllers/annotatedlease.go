package controllers

import (
	"context"
	"maps"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// annotatedLeases adds annotations to a lease whenever it is written anyway. A request of their own
// would conflict with the renewals.
type annotatedLeases struct {
	coordinationv1client.LeasesGetter
	annotations func() map[string]string
}

// Leases implements LeasesGetter.
func (a annotatedLeases) Leases(namespace string) coordinationv1client.LeaseInterface {
	return annotatedLease{a.LeasesGetter.Leases(namespace), a.annotations}
}

type annotatedLease struct {
	coordinationv1client.LeaseInterface
	annotations func() map[string]string
}

// Create implements LeaseInterface.
func (a annotatedLease) Create(ctx context.Context, lease *coordinationv1.Lease, o metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return a.LeaseInterface.Create(ctx, a.annotated(lease), o)
}

// Update implements LeaseInterface.
func (a annotatedLease) Update(ctx context.Context, lease *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return a.LeaseInterface.Update(ctx, a.annotated(lease), o)
}

func (a annotatedLease) annotated(lease *coordinationv1.Lease) *coordinationv1.Lease {
	if a.annotations == nil {
		return lease
	}
	lease = lease.DeepCopy()
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	maps.Copy(lease.Annotations, a.annotations())
	return lease
}
