package app

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/routing"
)

// storeOf returns a store that fails after that many writes.
func storeOf(writes *int) *keyvaluetest.Map {
	return &keyvaluetest.Map{BeforeWrite: func() error {
		if *writes == 0 {
			return errors.New("no more")
		}
		*writes--
		return nil
	}}
}

func keeper(m *keyvaluetest.Map) tableKeeper {
	return tableKeeper{store: m, compiler: routing.NewCompiler(routing.Config{OperatorNamespace: "system"}), turn: func() bool { return true }, log: logr.Discard()}
}

// put declares n routes, with names that do not compress well.
func put(c *routing.Compiler, n int) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		c.PutRoute(&v1alpha1.TravisRoute{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: fmt.Sprintf("route-%d", i), Generation: 1},
			Spec: v1alpha1.TravisRouteSpec{
				Repository: fmt.Sprintf("owner/%d", i),
				Channels:   []v1alpha1.Channel{{Account: "a", Address: fmt.Sprintf("%x%x%x%x", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64())}},
			},
		})
	}
}

func TestATableOfManyPiecesComesBack(t *testing.T) {
	m := &keyvaluetest.Map{}
	k := keeper(m)
	put(k.compiler, 10_000)
	if err := k.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(m.All()); n < 4 {
		t.Fatalf("it is in %d values: the test does not try several pieces", n)
	}
	after := keeper(m)
	if err := after.restore(); err != nil {
		t.Fatal(err)
	}
	if n := len(after.compiler.Objects().Routes); n != 10_000 {
		t.Errorf("%d routes came back", n)
	}
}

// TestWhatIsNoLongerWatchedDoesNotComeBack: an operator of the whole cluster is started for one namespace.
func TestWhatIsNoLongerWatchedDoesNotComeBack(t *testing.T) {
	m := &keyvaluetest.Map{}
	k := keeper(m)
	put(k.compiler, 3)
	for _, namespace := range []string{"system", "another"} {
		k.compiler.PutNamespace(namespace, map[string]string{"team": "yes"})
		k.compiler.PutDefaults(&v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName}})
	}
	if err := k.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		namespaces                   []string
		routes, defaults, namespaced int
	}{
		"the whole cluster": {nil, 3, 2, 2},
		"the team":          {[]string{"team"}, 3, 1, 0},
		"another":           {[]string{"another"}, 0, 2, 0},
	} {
		after := keeper(m)
		after.scope = scope{own: "system", namespaces: c.namespaces}
		if err := after.restore(); err != nil {
			t.Fatal(err)
		}
		held := after.compiler.Objects()
		if len(held.Routes) != c.routes || len(held.Defaults) != c.defaults || len(held.Namespaces) != c.namespaced {
			t.Errorf("%s: %+v came back", name, held)
		}
	}
}

func TestACrashWhileSavingLeavesTheTableBefore(t *testing.T) {
	writes := 1000
	m := storeOf(&writes)
	k := keeper(m)
	put(k.compiler, 10)
	if err := k.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(k.compiler, 10_000)
	for puts := range 3 {
		writes = puts
		if err := k.save(t.Context()); err == nil {
			t.Fatalf("with %d puts it was saved whole", puts)
		}
		after := keeper(m)
		if err := after.restore(); err != nil {
			t.Fatal(err)
		}
		if n := len(after.compiler.Objects().Routes); n != 10 {
			t.Errorf("after %d puts %d routes came back", puts, n)
		}
	}
}

func TestNothingIsRestoredFromNothing(t *testing.T) {
	if err := keeper(&keyvaluetest.Map{}).restore(); !errors.Is(err, errNoTable) {
		t.Errorf("error is %v", err)
	}
}

func TestTheSameTableIsNotWrittenTwice(t *testing.T) {
	writes := 2
	k := keeper(storeOf(&writes))
	put(k.compiler, 1)
	for range 3 {
		if err := k.save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestATableThatIsTooLargeTakesNoRoomFromEvents: a tenant may apply any number of routes.
func TestATableThatIsTooLargeTakesNoRoomFromEvents(t *testing.T) {
	writes := 1 << 20
	k := keeper(storeOf(&writes))
	put(k.compiler, 100)
	if err := k.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := writes
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 4_000 {
		text := make([]byte, 4_000)
		for j := range text {
			text[j] = byte(' ' + random.IntN(95))
		}
		k.compiler.PutRoute(&v1alpha1.TravisRoute{
			ObjectMeta: metav1.ObjectMeta{Namespace: "hostile", Name: fmt.Sprintf("route-%d", i), Generation: 1},
			Spec: v1alpha1.TravisRouteSpec{
				Repository: "owner/name", Message: &v1alpha1.MessageTemplate{Text: string(text)},
				Channels: []v1alpha1.Channel{{Account: "a", Address: "b"}},
			},
		})
	}
	if err := k.save(t.Context()); !errors.Is(err, errTableTooLarge) || writes != before {
		t.Errorf("%v; stored %d values", err, before-writes)
	}
	if err := k.restore(); err != nil {
		t.Errorf("the table before: %v", err)
	}
}
