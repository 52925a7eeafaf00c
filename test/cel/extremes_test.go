package cel

import (
	"encoding/json"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// One object that cannot be decoded would break the list of all objects, and with it the operator. So every
// object that the schema accepts must be decodable.
var _ = Describe("an object that the schema accepts", func() {
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

	// JSON forms of a whole number, or of nothing, that Go may not decode.
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
		o := route(`{repository: a/b, ` + channel + `}`)
		Expect(api.Create(ctx, o)).To(Succeed())
		// Without the Go types, which could not decode the answer.
		if err := api.Status().Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(`{"status":`+status+`}`))); err != nil {
			Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
		}
		routes, _ := list(ctx)
		Expect(routes.Items).To(HaveLen(1))
	},
		Entry("a generation beyond 64 bits", `{"observedGeneration":1e30}`),
		Entry("a count beyond 32 bits", `{"channels":[{"account":"a","address":"a","waiting":3000000000}]}`),
		Entry("a condition's generation beyond 64 bits",
			`{"conditions":[{"type":"Ready","status":"True","reason":"A","message":"","lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":1e30}]}`),
	)

	times := []TableEntry{
		Entry(nil, "2026-01-01T00:00:00Z", true),
		Entry(nil, "2026-01-01T23:59:59.123456789+14:00", true),
		Entry(nil, "2024-02-29T00:00:00-00:00", true),
		Entry(nil, "2026-01-01t00:00:00z", false),
		Entry(nil, "2026-01-01T00:00:00z", false),
		Entry(nil, "2026-01-01T00:00:00+99:99", false),
		Entry(nil, "2026-01-01T00:00:00,5Z", false),
		Entry(nil, "2026-01-01T00:00:00.Z", false),
		Entry(nil, "2026-01-01T24:00:00Z", false),
		Entry(nil, "2026-01-01T23:59:60Z", false),
		Entry(nil, "2026-02-30T00:00:00Z", false),
		Entry(nil, "2026-1-1T00:00:00Z", false),
		Entry(nil, "2026-01-01 00:00:00", false),
		Entry(nil, "9999-12-31T23:59:59-23:59", false),
		Entry(nil, "0000-01-01T00:00:00+23:59", false),
		Entry(nil, "", false),
	}
	for where, status := range map[string]string{
		"a test":      `{"test":{"request":"a","passed":true,"time":%q}}`,
		"a delivery":  `{"channels":[{"account":"a","address":"a","lastDelivered":{"time":%q,"build":"1","event":"passed"}}]}`,
		"a condition": `{"conditions":[{"type":"Ready","status":"True","reason":"A","message":"","lastTransitionTime":%q}]}`,
	} {
		DescribeTable("takes the time of "+where+" if Go decodes it", func(ctx SpecContext, time string, taken bool) {
			o := route(`{repository: a/b, ` + channel + `}`)
			Expect(api.Create(ctx, o)).To(Succeed())
			err := api.Status().Patch(ctx, o, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"status":`+status+`}`, time)))
			if taken {
				Expect(err).NotTo(HaveOccurred())
			} else {
				Expect(apierrors.IsInvalid(err)).To(BeTrue(), "%v", err)
			}
			routes, _ := list(ctx)
			Expect(routes.Items).To(HaveLen(1))
		}, times)
	}

	It("has a pattern for every time", func(ctx SpecContext) {
		Expect(apiextensionsv1.AddToScheme(api.Scheme())).To(Succeed())
		for _, name := range []string{"travisroutes.travishook.dev", "travisdefaults.travishook.dev"} {
			var crd apiextensionsv1.CustomResourceDefinition
			Expect(api.Get(ctx, types.NamespacedName{Name: name}, &crd)).To(Succeed())
			raw, err := json.Marshal(crd.Spec.Versions[0].Schema)
			Expect(err).NotTo(HaveOccurred())
			n := strings.Count(string(raw), `"format":"date-time"`)
			Expect(n).To(BeNumerically(">", 2))
			Expect(strings.Count(string(raw), `"pattern":"^[1-8][0-9]{3}-`)).To(Equal(n))
		}
	})
})
