package render

import (
	"strings"
	"testing"
)

// TestALongTextInTravisSyntaxIsReadOnce: a tenant can write templates of 16 kB.
func TestALongTextInTravisSyntaxIsReadOnce(t *testing.T) {
	source := strings.Repeat("text ", 3200)
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, err := compileTravis(source); err != nil {
				b.Fatal(err)
			}
		}
	})
	if got := result.AllocedBytesPerOp(); got > 1<<20 {
		t.Errorf("%d bytes of template allocate %d bytes", len(source), got)
	}
}
