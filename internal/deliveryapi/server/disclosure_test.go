package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
)

// whyAs asks as somebody else than ann.
func (r *testOperator) whyAs(who, query string) deliveryapi.Why {
	r.Helper()
	var answer deliveryapi.Why
	if code := r.ask(who, http.MethodGet, deliveryapi.PathWhy+"?"+query, nil, &answer); code != http.StatusOK {
		r.Fatalf("status code %d", code)
	}
	return answer
}

// A namespace whose route names the repository of another must learn nothing of its builds, and must not
// be told that the other's webhooks were rejected.
func TestAnotherNamespacesWebhooksAreNotDisclosed(t *testing.T) {
	for name, post := range map[string]func(*testOperator){
		"delivered": func(r *testOperator) { r.post(broken); r.attempt(queue.Outcome{Kind: queue.Delivered}) },
		"dead": func(r *testOperator) {
			r.post(broken)
			r.attempt(queue.Outcome{Kind: queue.Dead, Reason: "there is no such room"})
		},
		"rejected":  func(r *testOperator) { r.post(broken, at("/travis/0123")) },
		"no proof":  func(r *testOperator) { r.post(broken, at("/travis")) },
		"malformed": func(r *testOperator) { r.post(broken, header("Content-Type", "application/json")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newOperator(t)
			r.setUp(failures)
			r.route("team-b", "theirs", failures)
			r.grant("bob get team-b ")
			post(r)
			for _, query := range []string{"namespace=team-b&", ""} {
				why := r.whyAs("bob", query+"repository="+slug)
				if len(why.Webhooks) != 0 || len(why.Routes) != 1 {
					t.Errorf("%q: %d webhooks and %d routes", query, len(why.Webhooks), len(why.Routes))
				}
				for _, f := range why.Facts {
					switch f.Cause {
					case deliveryapi.CauseNotSetUp, deliveryapi.CauseNothingArrived:
					default:
						t.Errorf("%q: %s", query, f.Text)
					}
					if strings.Contains(f.Text, team) || strings.Contains(f.Text, "broken") {
						t.Errorf("%q discloses another namespace: %s", query, f.Text)
					}
				}
			}
			if why := r.why("namespace=team-b&repository=" + slug); len(why.Webhooks) != 0 {
				t.Errorf("asked for team-b, ann sees %+v", why.Webhooks)
			}
			if why := r.why("repository=" + slug); len(why.Webhooks) != 1 {
				t.Errorf("ann may read everything and sees %d webhooks", len(why.Webhooks))
			}
		})
	}
}

// Without a route of its own, a namespace learns nothing of the repository.
func TestWithoutARouteNothingIsDisclosed(t *testing.T) {
	r := newOperator(t)
	r.grant("bob get team-b ")
	r.setUp(failures)
	r.post(broken)
	r.post(broken, at("/travis/0123"))
	why := r.whyAs("bob", "namespace=team-b&repository="+slug)
	if len(why.Webhooks) != 0 || len(why.Facts) != 2 || why.Facts[0].Cause != deliveryapi.CauseNotDeclared || why.Facts[1].Cause != deliveryapi.CauseNothingArrived {
		t.Errorf("got %+v", why)
	}
	for _, query := range []string{"repository=example/nobodys", "repository=example/exampel"} {
		if why := r.whyAs("bob", "namespace=team-b&"+query); len(why.Webhooks) != 0 || len(why.Facts) != 2 {
			t.Errorf("%s: got %+v", query, why)
		}
	}
}

// A namespace that is the only one with a route sees why its webhooks are rejected.
func TestItsOwnRejectedWebhooksAreDisclosed(t *testing.T) {
	r := newOperator(t)
	r.grant("bob get team-a ")
	r.setUp(failures)
	r.post(broken, at("/travis/0123"))
	why := r.whyAs("bob", "namespace=team-a&repository="+slug)
	if len(why.Webhooks) != 1 || why.Webhooks[0].Code != http.StatusForbidden || why.Facts[0].Cause != deliveryapi.CauseWrongProof {
		t.Errorf("got %+v", why)
	}
}

// Each namespace sees its own routes' verdicts on a webhook that both may see.
func TestVerdictsAreThoseOfTheNamespace(t *testing.T) {
	r := newOperator(t)
	r.setUp(failures)
	r.secret("team-b", token)
	r.route("team-b", "theirs", func(s *v1alpha1.TravisRouteSpec) { s.Events = []v1alpha1.EventName{"passed"} })
	r.grant("bob get team-b ")
	r.post(broken)
	why := r.whyAs("bob", "namespace=team-b&repository="+slug)
	if len(why.Webhooks) != 1 || len(why.Webhooks[0].Routes) != 1 || why.Webhooks[0].Routes[0].Namespace != "team-b" || len(why.Webhooks[0].Deliveries) != 0 {
		t.Errorf("got %+v", why.Webhooks)
	}
	if why.Facts[0].Cause != deliveryapi.CauseEvents {
		t.Errorf("got %+v", why.Facts)
	}
}
