package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded"
)

// Stored deliveries are safe unless somebody has removed the store's files.
func TestRemovedFilesInTheStateOfTheStore(t *testing.T) {
	const safe = "Stored deliveries are safe"
	if s := storeState(queue.ErrUnavailable, nil, nil); s.Reason != v1alpha1.ReasonStoreUnavailable || !strings.Contains(s.Message, safe) {
		t.Errorf("%s: %s", s.Reason, s.Message)
	}
	removed := fmt.Errorf("%w: the store's files were %w", queue.ErrUnavailable, embedded.ErrRemoved)
	if s := storeState(removed, nil, nil); s.Reason != v1alpha1.ReasonStoreUnavailable || strings.Contains(s.Message, safe) {
		t.Errorf("%s: %s", s.Reason, s.Message)
	}
}

// TestUsedSharesInTheStateOfTheStore: a few namespaces are named, each has its message, and what concerns all
// namespaces comes first.
func TestUsedSharesInTheStateOfTheStore(t *testing.T) {
	usages := []queue.Usage{{Namespace: "other", Deliveries: 1}}
	for i := range namedShares + 2 {
		usages = append(usages, queue.Usage{Namespace: fmt.Sprint("team-", i), Deliveries: 7, Bytes: 3 << 20, Full: true})
	}
	s := storeState(nil, nil, usages)
	if s.Reason != v1alpha1.ReasonShareUsed || !strings.Contains(s.Message, "team-0, team-1, team-2, team-3, team-4 and 2 more") {
		t.Errorf("%s: %s", s.Reason, s.Message)
	}
	if len(s.Refused) != namedShares+2 || !strings.Contains(s.Refused["team-6"], "namespace team-6 has used its share of the store: 7 deliveries take 3.0 MiB") {
		t.Errorf("refused: %q", s.Refused)
	}
	if s := storeState(queue.ErrFull, nil, usages); s.Reason != v1alpha1.ReasonStoreFull || len(s.Refused) == 0 {
		t.Errorf("a full store: %+v", s)
	}
	if s := storeState(nil, nil, usages[:1]); s.Reason != "" || s.Refused != nil {
		t.Errorf("without a problem: %+v", s)
	}
}
