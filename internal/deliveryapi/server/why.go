package server

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/why"
)

// why handles PathWhy. A caller who may read no route of the repository needs the right to read those of
// the namespace, or all, to learn even that there is none.
func (h *handler) why(c *caller, r *http.Request) (any, *failure) {
	q, failed := h.question(r.URL.Query())
	if failed != nil {
		return nil, failed
	}
	q.May = func(namespace, route string) bool { return c.may(verbRead, namespace, route) }
	if !h.mayAsk(c, q) {
		what := "TravisRoutes of all namespaces; name one that you may read"
		if q.Namespace != "" {
			what = "TravisRoutes of namespace " + q.Namespace
		}
		return nil, c.forbidden(verbRead, what)
	}
	return h.Sources.Answer(r.Context(), q), nil
}

// question reads the parameters of a request.
func (h *handler) question(query url.Values) (why.Question, *failure) {
	q := why.Question{
		Repository: query.Get(deliveryapi.ParamRepository),
		Namespace:  query.Get(deliveryapi.ParamNamespace),
	}
	if owner, name, ok := strings.Cut(q.Repository, "/"); !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return q, fail(http.StatusBadRequest, "repository must be owner/name")
	}
	build, err := deliveryapi.ParseBuild(query.Get(deliveryapi.ParamBuild))
	if err != nil {
		return q, fail(http.StatusBadRequest, "%v", err)
	}
	if build.Repository != "" && !strings.EqualFold(build.Repository, q.Repository) {
		return q, fail(http.StatusBadRequest, "the URL is that of a build of %s", build.Repository)
	}
	q.Build = build
	if since := query.Get(deliveryapi.ParamSince); since != "" {
		span, err := time.ParseDuration(since)
		if err != nil || span <= 0 {
			return q, fail(http.StatusBadRequest, "since must be a duration such as 168h")
		}
		q.Since = h.Clock.Now().Add(-span)
	}
	return q, nil
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
