package server

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// test answers PathTest: a test message to each channel of a route, all at once, since each may
// take as long as a whole request.
func (h *handler) test(c *caller, r *http.Request) (any, *refusal) {
	var asked deliveryapi.Test
	if no := read(r, &asked); no != nil {
		return nil, no
	}
	if asked.Namespace == "" || asked.Route == "" {
		return nil, refuse(http.StatusBadRequest, "say which route to test: its namespace and its name")
	}
	name := asked.Namespace + "/" + asked.Route
	if !c.may(verbChange, asked.Namespace, asked.Route) {
		return nil, c.forbidden(verbChange, "the TravisRoute "+name)
	}
	route, ok := h.Sources.Table().Route(asked.Namespace, asked.Route)
	if !ok {
		return nil, refuse(http.StatusNotFound, "there is no TravisRoute %s", name)
	}
	if !route.Accepted {
		v, _ := h.Sources.Verdict(types.NamespacedName{Namespace: asked.Namespace, Name: asked.Route})
		var problems []string
		for _, p := range v.Invalid {
			problems = append(problems, p.Message)
		}
		return nil, refuse(http.StatusBadRequest, "route %s is not accepted: %s", name, strings.Join(problems, "; "))
	}
	h.Log.Info("test messages are sent", "user", c.user.Username, "namespace", asked.Namespace, "route", asked.Route)
	return h.try(r, route.Targets, testEvent(route.Repository, time.Now())), nil
}

func (h *handler) try(r *http.Request, targets []queue.Target, e travis.Event) deliveryapi.Tested {
	results := make([]deliveryapi.TestResult, len(targets))
	var under sync.WaitGroup
	for i, t := range targets {
		under.Go(func() {
			result := deliveryapi.TestResult{Account: t.Account, Address: t.Address, Outcome: deliveryapi.TestDelivered}
			note, err := h.Try(r.Context(), t, e)
			result.Reason = note
			if err != nil {
				result.Outcome, result.Reason = deliveryapi.TestFailed, err.Error()
			}
			results[i] = result
		})
	}
	under.Wait()
	return deliveryapi.Tested{Results: results}
}

// testEvent is a build that never was, and says so wherever a template may look.
func testEvent(repository string, now time.Time) travis.Event {
	owner, name, _ := strings.Cut(repository, "/")
	now = now.UTC().Truncate(time.Second)
	return travis.Event{
		Repository: travis.Repository{Owner: owner, Name: name},
		Build: travis.Build{
			Number: "0", Type: travis.Push, State: "passed", Result: travis.Passed, Branch: "test",
			Started: now.Add(-time.Minute), Finished: now, Duration: time.Minute,
		},
		Commit: travis.Commit{
			SHA:     strings.Repeat("0", 40),
			Message: "A test message: nothing was built", Author: "travishook", Committer: "travishook", Committed: now,
		},
	}
}
