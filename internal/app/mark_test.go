package app

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/queue/wal"
)

// TestTheMarkOnTheLease: the mark is read back as it was written. A missing or invalid annotation is no
// mark.
func TestTheMarkOnTheLease(t *testing.T) {
	mark := wal.HighWater{Journal: "a", First: 3, Last: 9, Dropped: 2, Accepted: 7, Waiting: 4, At: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)}
	for name, test := range map[string]struct {
		annotations map[string]string
		want        *wal.HighWater
	}{
		"written":    {markAnnotation(func() wal.HighWater { return mark })(), &mark},
		"none":       {nil, nil},
		"not a mark": {map[string]string{annotationMark: "?"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
				Namespace: "system", Name: controllers.StatusLease, Annotations: test.annotations,
			}})
			got := knownMark(t.Context(), client.CoordinationV1(), "system", logr.Discard())
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("mark (-want +got):\n%s", diff)
			}
			if other := knownMark(t.Context(), client.CoordinationV1(), "other", logr.Discard()); other != nil {
				t.Errorf("where there is no lease: %+v", other)
			}
		})
	}
}
