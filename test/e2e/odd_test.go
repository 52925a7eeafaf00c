package e2e

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/suite"
)

// wordyRoute shows every variable that may be absent.
const wordyRoute = `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: example, namespace: TEAM}
spec:
  repository: example/example
  channels: [{account: chat}]
  events: ["*"]
  message: {text: "build=%{build_number} pr=%{pull_request_number} at=%{pull_request_url} took=%{duration}/%{elapsed_time} see=%{compare_url},%{build_url} by=%{author} on=%{branch}: %{commit_subject}"}
`

// absentAsFact is a value that was absent or odd, and is shown all the same.
var absentAsFact = regexp.MustCompile(`pr=0|pull/0|took=[^ ]*-\d|-\d+ (min|sec)|0001-01-01|1969|<nil>|null`)

var _ = Describe("Odd webhooks", func() {
	It("are accepted and announced, without what is odd in them", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+wordyRoute)
		s.start(ctx)
		s.waitReady(ctx)
		odd := map[string]map[string]any{
			"a negative duration":          {"duration": -60},
			"a fractional duration":        {"duration": 12.75},
			"a duration as text":           {"duration": "300"},
			"a duration beyond all bounds": {"duration": 1e300},
			"a commit of 1969":             {"committed_at": "1969-12-31T23:59:59Z"},
			"a commit of the year 1":       {"committed_at": "0001-01-01T00:00:00Z"},
			"a commit of the year 12026":   {"committed_at": "12026-01-01T00:00:00Z"},
			"a commit without a zone":      {"committed_at": "2026-11-26 10:00:00"},
			"a start of the year 1":        {"started_at": "0001-01-01T00:00:00Z"},
			"a start after the end":        {"started_at": time.Now().Add(10 * time.Hour).UTC().Format(time.RFC3339)},
			"a number as a number":         {"number": 7},
			"a number as a fraction":       {"number": 7.5},
			"a number as an object":        {"number": map[string]any{"a": 1}},
			"no number":                    {"number": nil},
			"pull request 0":               {"pull_request": true, "type": "pull_request", "pull_request_number": 0, "compare_url": "https://example.com/none"},
			"pull request 0 with a URL":    {"pull_request": true, "type": "pull_request", "pull_request_number": 0, "compare_url": "https://github.com/example/example/pull/15"},
			"a pull request as text":       {"pull_request": true, "type": "pull_request", "pull_request_number": "15"},
			"jobs of any kind":             {"matrix": []any{7, "x", nil, map[string]any{"state": 3, "duration": -1}}},
			"jobs as an object":            {"matrix": map[string]any{"0": 1}, "jobs": "none"},
			"a branch as a number":         {"branch": 7},
			"no author":                    {"author_name": nil, "author_email": map[string]any{}},
			"an empty link":                {"build_url": "", "compare_url": ""},
			"another type":                 {"type": "merge_train"},
			"new fields":                   {"attestation": map[string]any{"a": []any{1}}, "result_message": 5},
			"a status as text":             {"status": "0", "result": "0"},
		}
		id := int64(1000)
		for what, fields := range odd {
			id++
			before := len(r.Messages())
			build := travistest.Build{ID: id, Number: strconv.FormatInt(id, 10), Result: travis.Broken, Fields: fields}
			Expect(s.post(ctx, build)).To(Equal(http.StatusAccepted), what)
			Eventually(r.Messages).Should(HaveLen(before+1), what)
			m := r.Messages()[before]
			Expect(absentAsFact.FindString(m.Text)).To(BeEmpty(), "%s: %s", what, m.Text)
			Expect(m.Body).NotTo(MatchRegexp(`:-\d|:""|"0001-|"1969-|/pull/0|"number":0\b`), "%s: %s", what, m.Body)
		}
	})

	It("that come late never overtake what came before", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.start(ctx)
		s.waitReady(ctx)
		finished := now()
		result := travistest.Build{ID: 5, Number: "5", Result: travis.Broken, Started: finished.Add(-time.Minute), Finished: finished}
		late := result
		late.Result = travis.Pending
		r.Refuse(http.StatusServiceUnavailable)
		Expect(s.post(ctx, result)).To(Equal(http.StatusAccepted))
		Eventually(r.Refused).Should(BeNumerically(">", 0))
		Expect(s.post(ctx, late)).To(Equal(http.StatusNoContent), "a state that precedes one already stored")
		older := travistest.Build{ID: 5, Number: "5", Result: travis.Passed, Started: finished.Add(-time.Hour), Finished: finished.Add(-50 * time.Minute)}
		Expect(s.post(ctx, older)).To(Equal(http.StatusNoContent), "the result of an older run")
		copied := result
		copied.Finished = finished.Add(2 * time.Second) // another job of the same finish, whose time an old Travis moved
		Expect(s.post(ctx, copied)).To(Equal(http.StatusNoContent), "a copy of the finish")
		r.Refuse(0)
		Eventually(texts(r)).WithTimeout(2 * patience).Should(HaveLen(1))
		Expect(texts(r)()[0]).To(ContainSubstring("broken"))
	})
})

var _ = Describe("A delivery that waits for its account", func() {
	It("is sent at once when the default account changes", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		const accounts = `
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: SYSTEM}
spec:
  account: ACCOUNT
  accounts:
  - {name: chat, webhook: {secretRef: {name: chat}}}
  - {name: missing, webhook: {secretRef: {name: missing}}}
`
		defaults := func(account string) string { return strings.ReplaceAll(accounts, "ACCOUNT", account) }
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+defaults("missing")+"---"+strings.Replace(route, "{account: chat}", "{address: url}", 1))
		s.start(ctx)
		Eventually(s.ready(ctx)).Should(ContainSubstring(`Secret "missing" does not exist`))
		Expect(s.post(ctx, travistest.Build{})).To(Equal(http.StatusAccepted))
		Eventually(func() (string, error) {
			return get(ctx, suite.Routes, s.name, "example", "{.status.channels}")
		}).Should(And(ContainSubstring(`"waiting":1`), ContainSubstring("missing")))
		s.apply(ctx, defaults("chat"))
		Eventually(texts(r)).WithTimeout(patience).Should(HaveLen(1))
	})
})
