package server

import (
	"net/http"
	"strings"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/why"
)

// why answers PathWhy. Whoever may read no route of the repository must be allowed to read the
// namespace's, or all, to be told even that there is none.
func (h *handler) why(c *caller, r *http.Request) (any, *refusal) {
	query := r.URL.Query()
	q := why.Question{
		Repository: query.Get(deliveryapi.ParamRepository),
		Namespace:  query.Get(deliveryapi.ParamNamespace),
		Build:      query.Get(deliveryapi.ParamBuild),
		May:        func(namespace, route string) bool { return c.may(verbRead, namespace, route) },
	}
	if owner, name, ok := strings.Cut(q.Repository, "/"); !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return nil, refuse(http.StatusBadRequest, "say which repository, as owner/name")
	}
	if !h.mayAsk(c, q) {
		what := "TravisRoutes of all namespaces; name one that you may read"
		if q.Namespace != "" {
			what = "TravisRoutes of namespace " + q.Namespace
		}
		return nil, c.forbidden(verbRead, what)
	}
	return h.Sources.Answer(q), nil
}

func (h *handler) mayAsk(c *caller, q why.Question) bool {
	if c.may(verbRead, q.Namespace, "") {
		return true
	}
	repository, ok := h.Sources.Table().Repository(q.Repository)
	if !ok {
		return false
	}
	for _, n := range repository.Namespaces {
		for _, route := range n.Declared {
			if (q.Namespace == "" || q.Namespace == n.Name) && c.may(verbRead, n.Name, route.Name) {
				return true
			}
		}
	}
	return false
}
