package server

import (
	"net/http"
	"slices"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/why"
	"github.com/travishook/travishook/internal/queue"
)

// choice is which deliveries a request is about.
type choice struct {
	verb, namespace, route string
	states                 []queue.State
	ids                    map[string]bool // empty: all
}

func (c *choice) fits(s queue.Summary) bool {
	return (c.namespace == "" || s.Target.Namespace == c.namespace) &&
		(c.route == "" || s.Target.Route == c.route) &&
		slices.Contains(c.states, s.State) &&
		(len(c.ids) == 0 || c.ids[s.ID])
}

var keptStates = []queue.State{queue.Waiting, queue.Sending, queue.Died}

// deliveries answers PathDeliveries.
func (h *handler) deliveries(c *caller, r *http.Request) (any, *refusal) {
	query := r.URL.Query()
	chosen := choice{
		verb:      verbRead,
		namespace: query.Get(deliveryapi.ParamNamespace), route: query.Get(deliveryapi.ParamRoute),
		states: keptStates,
	}
	if state := queue.State(query.Get(deliveryapi.ParamState)); state != "" {
		if !slices.Contains(keptStates, state) {
			return nil, refuse(http.StatusBadRequest, "state is one of %s, %s and %s", queue.Waiting, queue.Sending, queue.Died)
		}
		chosen.states = []queue.State{state}
	}
	found, no := h.choose(c, chosen)
	if no != nil {
		return nil, no
	}
	list := deliveryapi.Deliveries{Deliveries: []deliveryapi.Delivery{}, More: max(0, len(found)-maxListed)}
	for _, s := range found[:min(len(found), maxListed)] {
		list.Deliveries = append(list.Deliveries, why.Delivery(s))
	}
	return list, nil
}

// choose finds the deliveries of a choice that the caller may do its verb to.
func (h *handler) choose(c *caller, chosen choice) ([]queue.Summary, *refusal) {
	if chosen.route != "" {
		if chosen.namespace == "" {
			return nil, refuse(http.StatusBadRequest, "a route needs its namespace")
		}
		if name := chosen.namespace + "/" + chosen.route; !c.may(chosen.verb, chosen.namespace, chosen.route) {
			return nil, c.forbidden(chosen.verb, "the TravisRoute "+name)
		}
	}
	all := h.Sources.Deliveries(chosen.fits)
	allowed := slices.DeleteFunc(all, func(s queue.Summary) bool {
		return !c.may(chosen.verb, s.Target.Namespace, s.Target.Route)
	})
	if len(allowed) == 0 && chosen.namespace != "" && !c.may(chosen.verb, chosen.namespace, chosen.route) {
		return nil, c.forbidden(chosen.verb, "TravisRoutes of namespace "+chosen.namespace)
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
	dead, no := h.choose(c, choice{
		verb: verbChange, namespace: asked.Namespace, route: asked.Route, states: []queue.State{queue.Died}, ids: set(asked.IDs),
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
	ids := set(allowed)
	n, err := h.Store.Redrive(r.Context(), func(s queue.Summary) bool { return ids[s.ID] })
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "the store cannot store; try again").because(err)
	}
	h.Log.Info("dead deliveries were redriven", "count", n, "user", c.user.Username, "namespace", asked.Namespace, "route", asked.Route)
	return deliveryapi.Redriven{Redriven: n}, nil
}

func set(ids []string) map[string]bool {
	all := make(map[string]bool, len(ids))
	for _, id := range ids {
		all[id] = true
	}
	return all
}
