package cel

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// One object that does not decode would break the list of all of them, and with it the operator.
// So whatever the schema lets through must decode.
var _ = Describe("what the schema lets through", func() {
	list := func(ctx SpecContext) (routes v1alpha1.TravisRouteList, all v1alpha1.TravisDefaultsList) {
		GinkgoHelper()
		Expect(api.List(ctx, &routes, client.InNamespace(space))).To(Succeed())
		Expect(api.List(ctx, &all, client.InNamespace(space))).To(Succeed())
		return routes, all
	}

	It("decodes when everything is as large as it may be", func(ctx SpecContext) {
		repeat := func(n, length int) (all []string) {
			for i := range n {
				all = append(all, fmt.Sprintf("%0*d", length, i))
			}
			return all
		}
		quoted := func(all []string) string { text, _ := json.Marshal(all); return string(text) }
		var channels, accounts []string
		for i := range 32 {
			channels = append(channels, fmt.Sprintf("{account: a%062d, address: %q}", i, strings.Repeat("☎", 255)))
		}
		for i := range 64 {
			accounts = append(accounts, fmt.Sprintf("{name: a%062d, slack: {secretRef: {name: %s}}, allowedAddresses: %s}",
				i, long(253), quoted(repeat(64, 255))))
		}
		accepted(ctx, route(fmt.Sprintf(`{repository: %s/%s, channels: [%s], events: [pending, passed, fixed, broken, failed, still_failing, errored, canceled, success, failure],
			branches: {include: %s, exclude: %s}, buildTypes: [push, pull_request, cron, api], filter: %s, message: {text: %s, syntax: Go}, repositoryID: 9007199254740991}`,
			long(69), long(70), strings.Join(channels, ", "), quoted(repeat(64, 255)), quoted(repeat(64, 255)), long(2048), long(4096))))
		accepted(ctx, defaults(fmt.Sprintf(`{account: %s, message: {text: %s}, accounts: [%s], signatureOnly: {namespaces: {from: All}, repositories: ["a/%s"]}}`,
			long(63), long(4096), strings.Join(accounts, ", "), long(138))))
		routes, all := list(ctx)
		Expect(routes.Items[0].Spec.Channels).To(HaveLen(32))
		Expect(all.Items[0].Spec.Accounts).To(HaveLen(64))
	})

	// JSON that means a whole number, or nothing, in ways that Go may not read as one.
	DescribeTable("decodes, or is refused", func(ctx SpecContext, kind func(string) *unstructured.Unstructured, spec string) {
		o := kind(spec)
		if err := api.Create(ctx, o); err != nil {
			return // refused: nothing to decode
		}
		list(ctx)
	},
		Entry("a number as a float", route, `{repository: a/b, `+channel+`, repositoryID: 1.0}`),
		Entry("a number with an exponent", route, `{repository: a/b, `+channel+`, repositoryID: 9.007199254740991e15}`),
		Entry("a number beyond 64 bits", route, `{repository: a/b, `+channel+`, repositoryID: 1e30}`),
		Entry("a fraction", route, `{repository: a/b, `+channel+`, repositoryID: 1.5}`),
		Entry("null for a string", route, `{repository: a/b, `+channel+`, filter: null}`),
		Entry("null for a boolean", route, `{repository: a/b, `+channel+`, suspend: null}`),
		Entry("null for a list", route, `{repository: a/b, `+channel+`, events: null}`),
		Entry("null in a list", route, `{repository: a/b, `+channel+`, events: [null]}`),
		Entry("null for an object", route, `{repository: a/b, `+channel+`, branches: null, message: null}`),
		Entry("null for a key", route, `{repository: a/b, channels: [{account: null, address: a}]}`),
		Entry("null for a block", defaults, `{accounts: [{name: a, slack: {secretRef: {name: a}}, xmpp: null}]}`),
		Entry("a selector that nothing can match", defaults,
			`{signatureOnly: {repositories: ["a/*"], namespaces: {from: Selector, selector: {matchLabels: {"": "☎"}, matchExpressions: [{key: "", operator: Is}]}}}}`),
	)

	DescribeTable("decodes in a status, or is refused there", func(ctx SpecContext, status string) {
		o := accepted(ctx, route(`{repository: a/b, `+channel+`}`)).(*v1alpha1.TravisRoute)
		patch := client.RawPatch(types.MergePatchType, []byte(`{"status":`+status+`}`))
		if err := api.Status().Patch(ctx, o, patch); err != nil && !strings.Contains(err.Error(), "cannot unmarshal") {
			return
		}
		list(ctx)
	},
		Entry("a generation beyond 64 bits", `{"observedGeneration":1e30}`),
		Entry("a count beyond 32 bits", `{"channels":[{"account":"a","address":"a","waiting":3000000000}]}`),
		Entry("a time without a zone",
			`{"channels":[{"account":"a","address":"a","lastFailure":{"time":"2026-01-01 00:00:00","build":"1","event":"passed"}}]}`),
		Entry("a condition's generation beyond 64 bits",
			`{"conditions":[{"type":"Ready","status":"True","reason":"A","message":"","lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":1e30}]}`),
		Entry("a condition's time far away",
			`{"conditions":[{"type":"Ready","status":"True","reason":"A","message":"","lastTransitionTime":"9999-12-31T23:59:60Z"}]}`),
		Entry("a condition's time with fractions",
			`{"conditions":[{"type":"Ready","status":"True","reason":"A","message":"","lastTransitionTime":"0000-01-01t00:00:00.123456789z"}]}`),
	)
})
