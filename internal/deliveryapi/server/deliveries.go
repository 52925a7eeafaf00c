package server

import (
	"net/http"
	"slices"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/why"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/suggest"
)

var storedStates = []queue.State{queue.Waiting, queue.Sending, queue.DeadLetter}

// deliveries handles PathDeliveries.
func (h *handler) deliveries(c *caller, r *http.Request) (any, *failure) {
	query := r.URL.Query()
	q := queue.Query{
		Namespace: query.Get(deliveryapi.ParamNamespace), Route: query.Get(deliveryapi.ParamRoute),
		States: storedStates,
	}
	if state := queue.State(query.Get(deliveryapi.ParamState)); state != "" {
		if !slices.Contains(storedStates, state) {
			return nil, fail(http.StatusBadRequest, "state must be %s, %s or %s", queue.Waiting, queue.Sending, queue.DeadLetter)
		}
		q.States = []queue.State{state}
	}
	list := deliveryapi.Deliveries{Deliveries: []deliveryapi.Delivery{}}
	q.Limit, q.Beyond = maxListed, &list.More
	found, failed := h.find(c, verbRead, q)
	if failed != nil {
		return nil, failed
	}
	for _, s := range found {
		list.Deliveries = append(list.Deliveries, why.Delivery(s))
	}
	return list, nil
}

// find returns the selected deliveries that the caller has the right to.
func (h *handler) find(c *caller, verb string, q queue.Query) ([]queue.Summary, *failure) {
	if q.Route != "" {
		if q.Namespace == "" {
			return nil, fail(http.StatusBadRequest, "a route needs its namespace")
		}
		if name := q.Namespace + "/" + q.Route; !c.may(verb, q.Namespace, q.Route) {
			return nil, c.forbidden(verb, "the TravisRoute "+name)
		}
	}
	q.Allow = func(t queue.Target) bool { return c.may(verb, t.Namespace, t.Route) }
	allowed := h.Sources.Deliveries(q)
	if len(allowed) == 0 && q.Namespace != "" && !c.may(verb, q.Namespace, q.Route) {
		return nil, c.forbidden(verb, "TravisRoutes of namespace "+q.Namespace)
	}
	if len(allowed) == 0 && q.Route != "" {
		return nil, h.checkRoute(c, q.Namespace, q.Route)
	}
	return allowed, nil
}

// checkRoute fails if the route does not exist.
func (h *handler) checkRoute(c *caller, namespace, name string) *failure {
	if _, ok := h.Sources.Table().Route(namespace, name); ok {
		return nil
	}
	hint := suggest.Phrase(name, h.readableRoutes(c, namespace), "%s")
	if hint != "" {
		hint = "; " + hint
	}
	return fail(http.StatusNotFound, "no TravisRoute %s/%s%s", namespace, name, hint)
}

// readableRoutes returns the names of a namespace's routes if the caller may read all of them.
func (h *handler) readableRoutes(c *caller, namespace string) []string {
	if !c.may(verbRead, namespace, "") {
		return nil
	}
	var names []string
	for repository := range h.Sources.Table().Repositories() {
		for _, n := range repository.Namespaces {
			if n.Name != namespace {
				continue
			}
			for _, r := range n.Declared {
				names = append(names, r.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// redrive handles PathRedrive. Deliveries that were redriven meanwhile, or that the caller may not
// change, are left alone.
func (h *handler) redrive(c *caller, r *http.Request) (any, *failure) {
	var request deliveryapi.Redrive
	if failed := decode(r, &request); failed != nil {
		return nil, failed
	}
	switch {
	case request.Namespace == "" && len(request.IDs) == 0 && request.Route == "" && !request.All:
		return nil, fail(http.StatusBadRequest, "give namespace, route or ids, or all")
	case len(request.IDs) > maxIDs:
		return nil, fail(http.StatusBadRequest, "at most %d ids are allowed", maxIDs)
	}
	n := 0
	for left := 1; left > 0; {
		redriven, beyond, failed := h.redriveSome(c, r, &request)
		if failed != nil {
			return nil, failed
		}
		n, left = n+redriven, min(redriven, beyond)
	}
	if n == 0 && len(request.IDs) > 0 {
		return nil, fail(http.StatusNotFound, "no dead letter that you may redrive has one of these ids")
	}
	if n == 0 {
		return deliveryapi.Redriven{}, nil
	}
	h.Log.Info("dead letters redriven", "count", n, "user", c.user.Username, "namespace", request.Namespace, "route", request.Route)
	return deliveryapi.Redriven{Redriven: n}, nil
}

// redriveSome redrives the first dead letters, and returns how many there are beyond these.
func (h *handler) redriveSome(c *caller, r *http.Request, request *deliveryapi.Redrive) (n, beyond int, failed *failure) {
	dead, failed := h.find(c, verbChange, queue.Query{
		Namespace: request.Namespace, Route: request.Route, States: []queue.State{queue.DeadLetter}, IDs: request.IDs,
		Limit: maxRedriven, Beyond: &beyond,
	})
	if failed != nil {
		return 0, 0, failed
	}
	if c.failed != nil {
		return 0, 0, c.failure() // do not redrive a part
	}
	if len(dead) == 0 {
		return 0, 0, nil
	}
	ids := make([]string, 0, len(dead))
	for _, s := range dead {
		ids = append(ids, s.ID)
	}
	n, err := h.Redrive(r.Context(), queue.Query{IDs: ids})
	if err != nil {
		return 0, 0, fail(http.StatusServiceUnavailable, "the store does not respond; try again").because(err)
	}
	return n, beyond, nil
}
