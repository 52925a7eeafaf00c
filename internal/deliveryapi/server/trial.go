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
	return h.try(r, route.Targets, travis.TestEvent(route.Repository, time.Now())), nil
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
