package waltest_test

import (
	"testing"

	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/queue/wal/waltest"
)

func TestMemory(t *testing.T) {
	for name, shared := range map[string]bool{"alone": false, "shared": true} {
		t.Run(name, func(t *testing.T) {
			logs := map[string]*waltest.Memory{}
			waltest.Run(t, func(_ testing.TB, name string) wal.Log {
				if logs[name] == nil {
					logs[name] = waltest.NewMemory(0)
				}
				return logs[name].Open(shared)
			})
		})
	}
}
