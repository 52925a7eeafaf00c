package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

func routeWithMessage(namespace, name, text string) *v1alpha1.TravisRoute {
	spec := specOf("example/example", "", "passed")
	spec.Message = &v1alpha1.MessageTemplate{Text: text}
	return testRoute(namespace, name, spec)
}

// A thousand slow templates of one namespace delay only that namespace's verdicts: another namespace's
// template is checked next, and every route gets its events meanwhile.
func TestSlowTemplatesDelayTheirOwnNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers = 2
		step := make(chan struct{}) // lets one slow check end
		var mu sync.Mutex
		var checked []string
		config := testConfig()
		config.CheckMessage = func(m v1alpha1.MessageTemplate) error {
			if strings.HasPrefix(m.Text, "slow") {
				<-step
			}
			mu.Lock()
			defer mu.Unlock()
			checked = append(checked, m.Text)
			return nil
		}
		c := NewCompiler(config)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); c.RunChecks(ctx, workers) }()
		synctest.Wait()
		for i := range 1000 {
			c.PutRoute(routeWithMessage("hostile", fmt.Sprint(i), fmt.Sprintf("slow %d", i)))
		}
		synctest.Wait()
		c.PutRoute(routeWithMessage("honest", "route", "quick"))
		synctest.Wait()
		if !slices.Contains(checked, "quick") {
			t.Errorf("the honest template waits behind %d others", 1000-len(checked))
		}
		if v, _ := c.Verdict(types.NamespacedName{Namespace: "honest", Name: "route"}); v.Pending {
			t.Error("the honest verdict is pending")
		}
		if v, _ := c.Verdict(types.NamespacedName{Namespace: "hostile", Name: "999"}); !v.Pending {
			t.Error("the hostile verdict is not pending")
		}
		repository, _ := c.Table().Repository("example/example")
		if n := len(repository.Namespaces[1].Routes); n != 1000 {
			t.Errorf("%d routes get events, want 1000", n)
		}
		close(step)
		synctest.Wait()
		if v, _ := c.Verdict(types.NamespacedName{Namespace: "hostile", Name: "999"}); v.Pending {
			t.Error("the hostile verdict is still pending after its check")
		}
		cancel()
		<-done
	})
}

// A template's fault reaches the verdict when the check is over, and is reported.
func TestFaultsFollowTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := testConfig()
		proceed := make(chan struct{})
		config.CheckMessage = func(v1alpha1.MessageTemplate) error {
			<-proceed
			return errors.New("line 1, column 1: wrong")
		}
		var mu sync.Mutex
		var reported []types.NamespacedName
		config.Changed = func(ch Changes) {
			mu.Lock()
			defer mu.Unlock()
			reported = append(append(reported, ch.Routes...), ch.Defaults...)
		}
		c := NewCompiler(config)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); c.RunChecks(ctx, 1) }()
		synctest.Wait()
		c.PutRoute(routeWithMessage("a", "route", "wrong"))
		c.PutDefaults(testDefaults("a", v1alpha1.TravisDefaultsSpec{Message: &v1alpha1.MessageTemplate{Text: "wrong"}}))
		if len(reported) != 2 {
			t.Errorf("before the check: %v", reported)
		}
		close(proceed)
		synctest.Wait()
		v, _ := c.Verdict(types.NamespacedName{Namespace: "a", Name: "route"})
		d, _ := c.DefaultsVerdict("a")
		if len(v.Faults) != 1 || len(d.Faults) != 1 || v.Pending || d.Pending {
			t.Errorf("route %+v, defaults %+v", v, d)
		}
		if len(reported) != 4 {
			t.Errorf("after the check: %v", reported)
		}
		cancel()
		<-done
	})
}

// Templates that were checked before a restart are not checked again, unless CheckVersion has changed.
func TestARestartChecksNothingAgain(t *testing.T) {
	count := 0
	config := testConfig()
	config.CheckVersion = "1"
	config.CheckMessage = func(m v1alpha1.MessageTemplate) error {
		count++
		if m.Text == "wrong" {
			return errors.New("wrong")
		}
		return nil
	}
	put := func(c *Compiler) {
		for i := range 10 {
			c.PutRoute(routeWithMessage("a", fmt.Sprint(i), fmt.Sprintf("text %d", i%5)))
		}
		c.PutRoute(routeWithMessage("a", "wrong", "wrong"))
	}
	before := NewCompiler(config)
	put(before)
	if count != 6 {
		t.Errorf("%d checks of 6 templates", count)
	}
	data, err := before.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]int{"1": 0, "2": 6} {
		count, config.CheckVersion = 0, version
		after := NewCompiler(config)
		if err := after.Restore(data); err != nil {
			t.Fatal(err)
		}
		put(after)
		if count != want {
			t.Errorf("version %s: %d checks after the restart, want %d", version, count, want)
		}
		if v, _ := after.Verdict(types.NamespacedName{Namespace: "a", Name: "wrong"}); len(v.Faults) != 1 {
			t.Errorf("version %s: the fault is lost: %+v", version, v)
		}
	}
}

// Checking holds no lock: while one template is being checked, tables are read and other objects are put.
func TestCheckingHoldsNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := testConfig()
		proceed := make(chan struct{})
		config.CheckMessage = func(m v1alpha1.MessageTemplate) error { <-proceed; return nil }
		c := NewCompiler(config)
		done := make(chan struct{})
		go func() { defer close(done); c.PutRoute(routeWithMessage("a", "slow", "text")) }()
		synctest.Wait()
		c.PutRoute(testRoute("b", "other", specOf("example/example", "", "passed")))
		if _, ok := c.Verdict(types.NamespacedName{Namespace: "b", Name: "other"}); !ok {
			t.Error("the other route waits for the check")
		}
		close(proceed)
		<-done
	})
}
