package travis_test

import (
	"testing"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

func BenchmarkDecode(b *testing.B) {
	payload := travistest.Build{}.Payload()
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := travis.Decode(payload); err != nil {
			b.Fatal(err)
		}
	}
}
