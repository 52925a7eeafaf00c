package server

import (
	"net/http"
	"slices"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/why"
	"github.com/travishook/travishook/internal/queue"
)

var keptStates = []queue.State{queue.Waiting, queue.Sending, queue.DeadLetter}

// deliveries answers PathDeliveries.
func (h *handler) deliveries(c *caller, r *http.Request) (any, *refusal) {
	query := r.URL.Query()
	chosen := queue.Query{
		Namespace: query.Get(deliveryapi.ParamNamespace), Route: query.Get(deliveryapi.ParamRoute),
		States: keptStates,
	}
	if state := queue.State(query.Get(deliveryapi.ParamState)); state != "" {
		if !slices.Contains(keptStates, state) {
			return nil, refuse(http.StatusBadRequest, "state is one of %s, %s and %s", queue.Waiting, queue.Sending, queue.DeadLetter)
		}
		chosen.States = []queue.State{state}
	}
	found, no := h.choose(c, verbRead, chosen)
	if no != nil {
		return nil, no
	}
	list := deliveryapi.Deliveries{Deliveries: []deliveryapi.Delivery{}, More: max(0, len(found)-maxListed)}
	for _, s := range found[:min(len(found), maxListed)] {
		list.Deliveries = append(list.Deliveries, why.Delivery(s))
	}
	return list, nil
}

// choose finds the selected deliveries that the caller may do verb to.
func (h *handler) choose(c *caller, verb string, q queue.Query) ([]queue.Summary, *refusal) {
	if q.Route != "" {
		if q.Namespace == "" {
			return nil, refuse(http.StatusBadRequest, "a route needs its namespace")
		}
		if name := q.Namespace + "/" + q.Route; !c.may(verb, q.Namespace, q.Route) {
			return nil, c.forbidden(verb, "the TravisRoute "+name)
		}
	}
	all := h.Sources.Deliveries(q)
	allowed := slices.DeleteFunc(all, func(s queue.Summary) bool {
		return !c.may(verb, s.Target.Namespace, s.Target.Route)
	})
	if len(allowed) == 0 && q.Namespace != "" && !c.may(verb, q.Namespace, q.Route) {
		return nil, c.forbidden(verb, "TravisRoutes of namespace "+q.Namespace)
	}
	return allowed, nil
}

// redrive answers PathRedrive. Deliveries that began again meanwhile, or that the caller may not
// touch, are left alone.
func (h *handler) redrive(c *caller, r *http.Request) (any, *refusal) {
	var asked deliveryapi.Redrive
	if no := read(r, &asked); no != nil {
		return nil, no
	}
	switch {
	case asked.Namespace == "" && len(asked.IDs) == 0 && !asked.All:
		return nil, refuse(http.StatusBadRequest, "say what to redrive: a namespace, a route of it, ids, or all")
	case len(asked.IDs) > maxIDs:
		return nil, refuse(http.StatusBadRequest, "at most %d ids can be named at once", maxIDs)
	}
	dead, no := h.choose(c, verbChange, queue.Query{
		Namespace: asked.Namespace, Route: asked.Route, States: []queue.State{queue.DeadLetter}, IDs: asked.IDs,
	})
	if no != nil {
		return nil, no
	}
	if c.failed != nil {
		return nil, c.refusal() // nothing by halves
	}
	if len(dead) == 0 {
		if len(asked.IDs) > 0 {
			return nil, refuse(http.StatusNotFound, "no dead delivery that you may redrive has one of these ids")
		}
		return deliveryapi.Redriven{}, nil
	}
	var allowed []string
	for _, s := range dead {
		allowed = append(allowed, s.ID)
	}
	n, err := h.Store.Redrive(r.Context(), queue.Query{IDs: allowed})
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "the store cannot store; try again").because(err)
	}
	h.Log.Info("dead deliveries were redriven", "count", n, "user", c.user.Username, "namespace", asked.Namespace, "route", asked.Route)
	return deliveryapi.Redriven{Redriven: n}, nil
}
