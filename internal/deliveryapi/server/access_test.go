package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// grant gives people rights, each "who verb namespace route".
func (r *testOperator) grant(rights ...string) {
	r.cluster.mu.Lock()
	defer r.cluster.mu.Unlock()
	for _, right := range rights {
		r.cluster.rights[right] = true
	}
}

// dead is a team with one dead delivery.
func (r *testOperator) dead() string {
	r.setUp()
	r.post(broken)
	r.attempt(queue.Outcome{Kind: queue.Dead, Reason: "there is no such room"})
	return r.kept("ann", "")[0].ID
}

// kept are the deliveries that somebody is shown.
func (r *testOperator) kept(who, query string) []deliveryapi.Delivery {
	r.Helper()
	var list deliveryapi.Deliveries
	if code := r.ask(who, http.MethodGet, deliveryapi.PathDeliveries+"?"+query, nil, &list); code != http.StatusOK {
		r.Fatalf("answered %d", code)
	}
	return list.Deliveries
}

func TestAccess(t *testing.T) {
	r := newOperator(t)
	r.dead()
	r.grant("reader get team-a builds", "owner get team-a builds", "owner update team-a builds", "other get team-b ")
	all := deliveryapi.Redrive{All: true}
	ofTeam := deliveryapi.Redrive{Namespace: team}
	builds := deliveryapi.Redrive{Namespace: team, Route: "builds"}
	this := deliveryapi.Test{Namespace: team, Route: "builds"}
	list, post := deliveryapi.PathDeliveries+"?namespace=team-a", http.MethodPost
	for _, test := range []struct {
		who, method, target string
		question            any
		code                int
		says                string
	}{
		{"", http.MethodGet, list, nil, 401, "a Kubernetes token is required"},
		{"stranger", http.MethodGet, list, nil, 401, "rejects the token"},
		{"other", http.MethodGet, list, nil, 403, `"other" may not get TravisRoutes of namespace team-a`},
		{"other", http.MethodGet, list + "&route=builds", nil, 403, "may not get the TravisRoute team-a/builds"},
		{"other", http.MethodGet, list + "&route=none", nil, 403, "may not get the TravisRoute team-a/none"},
		{"other", http.MethodGet, deliveryapi.PathWhy + "?namespace=team-a&repository=" + slug, nil, 403, "namespace team-a"},
		{"other", http.MethodGet, deliveryapi.PathWhy + "?repository=" + slug, nil, 403, "name one that you may read"},
		{"reader", post, deliveryapi.PathRedrive, builds, 403, "may not update the TravisRoute team-a/builds"},
		{"reader", post, deliveryapi.PathRedrive, ofTeam, 403, "may not update TravisRoutes of namespace team-a"},
		{"reader", post, deliveryapi.PathTest, this, 403, "may not update"},
		{"owner", http.MethodGet, deliveryapi.PathDeliveries + "?route=builds", nil, 400, "a route needs its namespace"},
		{"owner", http.MethodGet, deliveryapi.PathDeliveries + "?state=lost", nil, 400, "waiting, sending or dead"},
		{"owner", http.MethodGet, deliveryapi.PathWhy + "?repository=example", nil, 400, "owner/name"},
		{"owner", post, deliveryapi.PathRedrive, deliveryapi.Redrive{}, 400, "give namespace, route or ids"},
		{"owner", post, deliveryapi.PathRedrive, map[string]any{"everything": true}, 400, `unknown field "everything"`},
		{"owner", post, deliveryapi.PathRedrive, deliveryapi.Redrive{IDs: []string{"none"}}, 404, "no dead letter"},
		{"owner", post, deliveryapi.PathRedrive, deliveryapi.Redrive{IDs: make([]string, 1001)}, 400, "at most 1000"},
		{"owner", post, deliveryapi.PathTest, map[string]string{"route": strings.Repeat("x", 1<<17)}, 400, "too large"},
		{"owner", post, deliveryapi.PathDeliveries, all, 405, "the method must be GET"},
		{"owner", http.MethodGet, "/v1/secrets", nil, 404, "unknown path"},
		{"ann", post, deliveryapi.PathTest, deliveryapi.Test{Namespace: team, Route: "none"}, 404, "no TravisRoute team-a/none"},
	} {
		code, says := r.refused(test.who, test.method, test.target, test.question)
		if code != test.code || !strings.Contains(says, test.says) {
			t.Errorf("%s: %s %s %v: %d %q, want %d %q", test.who, test.method, test.target, test.question, code, says, test.code, test.says)
		}
	}
	if n := len(r.kept("reader", "namespace=team-a&state=dead")); n != 1 {
		t.Errorf("the reader of one route is shown %d of its deliveries, want 1", n)
	}
	if n := len(r.kept("other", "")); n != 0 {
		t.Errorf("who may read another namespace is shown %d deliveries of this one", n)
	}
	var done deliveryapi.Redriven
	if r.ask("reader", post, deliveryapi.PathRedrive, all, &done); done.Redriven != 0 {
		t.Errorf("a reader redrove %d", done.Redriven)
	}
}

func TestTheOwnerRedrivesWithTheSameID(t *testing.T) {
	r := newOperator(t)
	id := r.dead()
	r.grant("owner get team-a builds", "owner update team-a builds")
	var done deliveryapi.Redriven
	if code := r.ask("owner", http.MethodPost, deliveryapi.PathRedrive, deliveryapi.Redrive{IDs: []string{id}}, &done); code != 200 || done.Redriven != 1 {
		t.Fatalf("answered %d, redriven %d", code, done.Redriven)
	}
	after := r.kept("owner", "namespace=team-a")
	if len(after) != 1 || after[0].ID != id || after[0].State != deliveryapi.Waiting || after[0].Attempts != 0 {
		t.Errorf("left %+v, want the same one waiting for a first attempt", after)
	}
}

func TestTokenHeaderGoesFirst(t *testing.T) {
	r := newOperator(t)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, deliveryapi.PathDeliveries, nil)
	request.Header.Set("Authorization", "Basic c3RyYW5nZXI=")
	request.Header.Set(deliveryapi.TokenHeader, "Bearer ann")
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, request)
	if w.Code != http.StatusOK {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

func TestWhatWasAskedAMomentAgoIsNotAskedAgain(t *testing.T) {
	r := newOperator(t)
	r.grant("reader get team-a ")
	r.setUp()
	for i := range 5 {
		r.post(travistest.Build{ID: int64(i + 1)})
	}
	r.kept("reader", "")
	first := r.cluster.questions()
	if first > 3 {
		t.Errorf("%d questions to the API server for five deliveries, want one about the token, one about all, one about the namespace", first)
	}
	r.kept("reader", "")
	for range 3 {
		r.refused("stranger", http.MethodGet, deliveryapi.PathDeliveries, nil)
	}
	if more := r.cluster.questions() - first; more != 1 {
		t.Errorf("%d more questions, want one about the stranger", more)
	}
}

func TestWithoutTheAPIServerNobodyGetsIn(t *testing.T) {
	r := newOperator(t)
	r.dead()
	r.cluster.away = errors.New("no route to host")
	if code, says := r.refused("bob", http.MethodGet, deliveryapi.PathDeliveries, nil); code != 503 || !strings.Contains(says, "who you are") {
		t.Errorf("answered %d %q", code, says)
	}
	r.cluster.away = nil
	if n := len(r.kept("bob", "")); n != 0 {
		t.Fatalf("shown %d deliveries", n)
	}
	r.cluster.away = errors.New("no route to host")
	code, says := r.refused("bob", http.MethodPost, deliveryapi.PathRedrive, deliveryapi.Redrive{All: true})
	if code != 503 || !strings.Contains(says, "what you may do") {
		t.Errorf("known, with rights unknown: answered %d %q", code, says)
	}
	if dead := r.kept("ann", "state=dead"); len(dead) != 1 {
		t.Error("what ann may do was known a moment ago, and she is shown nothing")
	}
}

func TestBeforeTheTableIsCompleteThereIsNoAnswer(t *testing.T) {
	r := newOperator(t)
	r.starting = errors.New("not yet")
	if code, says := r.refused("ann", http.MethodGet, deliveryapi.PathDeliveries, nil); code != 503 || !strings.Contains(says, "starting") {
		t.Errorf("answered %d %q", code, says)
	}
}

func TestAQuestionThatTakesTooManyQuestionsIsRefused(t *testing.T) {
	r := newOperator(t)
	r.account(slug)
	for i := range 120 {
		r.route(fmt.Sprintf("team-%d", i), "builds")
	}
	r.post(broken, at("/travis"))
	code, says := r.refused("bob", http.MethodGet, deliveryapi.PathDeliveries, nil)
	if code != 400 || !strings.Contains(says, "name a namespace") {
		t.Errorf("answered %d %q", code, says)
	}
}

func TestATestMessageGoesToEachChannel(t *testing.T) {
	r := newOperator(t)
	r.setUp(func(s *v1alpha1.TravisRouteSpec) {
		s.Channels = append(s.Channels, v1alpha1.Channel{Account: "chat", Address: "#other"})
	})
	var event travis.Event
	r.try = func(to queue.Target, e travis.Event) (string, error) {
		if to.Address == "#other" {
			return "", errors.New("there is no such room")
		}
		event = e
		return "", nil
	}
	var tested deliveryapi.Tested
	r.ask("ann", http.MethodPost, deliveryapi.PathTest, deliveryapi.Test{Namespace: team, Route: "builds"}, &tested)
	want := []deliveryapi.TestResult{
		{Account: "chat", Address: "#builds", Outcome: deliveryapi.TestDelivered},
		{Account: "chat", Address: "#other", Outcome: deliveryapi.TestFailed, Reason: "there is no such room"},
	}
	if diff := cmp.Diff(want, tested.Results); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if event.Repository.Slug() != slug || !strings.Contains(event.Commit.Message, "test message") {
		t.Errorf("sent %+v", event)
	}
	if n := len(r.kept("ann", "")); n != 0 {
		t.Errorf("%d deliveries were stored", n)
	}
}

func TestWhatTheStoreKeepsIsToldAfterARestart(t *testing.T) {
	r := newOperator(t)
	id := r.dead()
	r.restart()
	why := r.why("namespace=team-a&build=7&repository=Example/Example")
	if len(why.Webhooks) != 1 || why.Webhooks[0].Build != "7" || len(why.Webhooks[0].Deliveries) != 1 || why.Webhooks[0].Deliveries[0].ID != id {
		t.Fatalf("told of %+v", why.Webhooks)
	}
	if why.Facts[0].Cause != deliveryapi.CauseDead {
		t.Errorf("the facts are %q", why.Facts)
	}
}

func TestAttemptsAreTold(t *testing.T) {
	r := newOperator(t)
	r.dead()
	history := r.why("namespace=team-a&repository=" + slug).Webhooks[0].Deliveries[0].History
	if len(history) != 1 || history[0].Outcome != "dead" || history[0].Reason != "there is no such room" || history[0].Milliseconds != 3 {
		t.Errorf("told of %+v", history)
	}
}

func TestNoTokenIsLogged(t *testing.T) {
	r := newOperator(t)
	secretToken := "stranger-with-a-token-that-must-not-show"
	r.refused(secretToken, http.MethodGet, deliveryapi.PathDeliveries, nil)
	r.cluster.away = errors.New("away")
	r.refused(secretToken+"2", http.MethodGet, deliveryapi.PathDeliveries, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if log := r.log.String(); log == "" || strings.Contains(log, "must-not-show") {
		t.Errorf("the log is %q", log)
	}
}
