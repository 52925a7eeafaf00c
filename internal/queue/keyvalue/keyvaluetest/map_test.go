package keyvaluetest_test

import (
	"testing"

	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
)

func TestMap(t *testing.T) { keyvaluetest.Contract(t, &keyvaluetest.Map{}) }

// What another process stores while an update is decided is not overwritten.
func TestAnUpdateOfAMapIsDecidedAgain(t *testing.T) {
	m := &keyvaluetest.Map{}
	m.BeforeWrite = func() error {
		m.BeforeWrite = nil
		return m.Put(t.Context(), "counts", "a", []byte("x"))
	}
	if err := m.Update(t.Context(), "counts", "a", func(old []byte, _ bool) ([]byte, error) { return append(old, 'y'), nil }); err != nil {
		t.Fatal(err)
	}
	if got, _ := m.Get("counts", "a"); string(got) != "xy" {
		t.Errorf("got %q, want both", got)
	}
}
