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

// test handles PathTest: it sends a test message to each channel of a route, concurrently, since each may
// take as long as a whole request.
func (h *handler) test(c *caller, r *http.Request) (any, *failure) {
	var request deliveryapi.Test
	if failed := decode(r, &request); failed != nil {
		return nil, failed
	}
	if request.Namespace == "" || request.Route == "" {
		return nil, fail(http.StatusBadRequest, "give the namespace and the name of the route")
	}
	name := request.Namespace + "/" + request.Route
	if !c.may(verbChange, request.Namespace, request.Route) {
		return nil, c.forbidden(verbChange, "the TravisRoute "+name)
	}
	route, ok := h.Sources.Table().Route(request.Namespace, request.Route)
	if !ok {
		return nil, h.checkRoute(c, request.Namespace, request.Route)
	}
	if !route.Accepted {
		v, _ := h.Sources.Verdict(types.NamespacedName{Namespace: request.Namespace, Name: request.Route})
		var problems []string
		for _, p := range v.Invalid {
			problems = append(problems, p.Message)
		}
		return nil, fail(http.StatusBadRequest, "TravisRoute %s is not accepted: %s", name, strings.Join(problems, "; "))
	}
	h.Log.Info("sending test messages", "user", c.user.Username, "namespace", request.Namespace, "route", request.Route)
	return h.sendTests(r, route.Targets, travis.TestEvent(route.Repository, time.Now())), nil
}

// sendTests sends a test message to each target.
func (h *handler) sendTests(r *http.Request, targets []queue.Target, e travis.Event) deliveryapi.Tested {
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
