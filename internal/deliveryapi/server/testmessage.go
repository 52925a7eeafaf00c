package server

import (
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/record"
)

// test handles PathTest: it sends a test message to each channel of a route.
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
	results, err := h.SendTest(r.Context(), route)
	if err != nil {
		return nil, fail(http.StatusTooManyRequests, "%s", err.Error())
	}
	return tested(results), nil
}

func tested(results []record.TestResult) deliveryapi.Tested {
	t := deliveryapi.Tested{Results: make([]deliveryapi.TestResult, len(results))}
	for i, r := range results {
		t.Results[i] = deliveryapi.TestResult{
			Account: r.Target.Account, Address: r.Target.Address, Outcome: deliveryapi.TestDelivered, Reason: r.Note,
		}
		if r.Failure != "" {
			t.Results[i].Outcome, t.Results[i].Reason = deliveryapi.TestFailed, r.Failure
		}
	}
	return t
}
