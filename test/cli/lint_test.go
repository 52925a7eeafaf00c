package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// What is valid and hardly meant: the linter and the route's status say the same.
var _ = Describe("A spec that is hardly meant", func() {
	const team = "pitfalls"
	BeforeEach(func(ctx SpecContext) {
		if _, err := os.Stat(filepath.Join(s.dir, "pitfalls")); err == nil {
			return
		}
		Expect(os.Mkdir(filepath.Join(s.dir, "pitfalls"), 0o700)).To(Succeed())
		s.kubectl(ctx, "create", "namespace", team)
		s.run(ctx, "kubectl travis -n "+team+" account chat --webhook < chat.txt")
	})
	n := 0
	DescribeTable("is found by the linter and on the status", func(ctx SpecContext, spec, says string) {
		n++
		name := fmt.Sprintf("r%d", n)
		file := filepath.Join("pitfalls", name+".yaml")
		manifest := fmt.Sprintf(`apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: %s, namespace: %s}
spec:
  repository: example/%[1]s
  channels: [{account: chat}]
  %[3]s
`, name, team, spec)
		if strings.Contains(says, "token Secret") {
			manifest += fmt.Sprintf(`---
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: %s, labels: {travishook.dev/secret-type: token}}
stringData: {repository: Example/%[1]s, token: x}
`, name, team)
		}
		Expect(os.WriteFile(filepath.Join(s.dir, file), []byte(manifest), 0o600)).To(Succeed())
		Expect(s.run(ctx, "kubectl travis lint -f "+file)).To(And(ContainSubstring(": warning: "), ContainSubstring(says)))
		s.run(ctx, "kubectl apply -f "+file)
		Eventually(s.message).WithArguments(ctx, team, name).WithTimeout(patience).Should(ContainSubstring(says))
	},
		Entry("failed without broken", "events: [passed, failed]", "events list failed without broken"),
		Entry("Go's syntax in a template of Travis'", `message: {text: "{{.branch}} broke"}`, "{{…}} is Go syntax"),
		Entry("Travis' syntax in a template of Go's", `message: {syntax: Go, text: "%{branch} broke"}`, "write {{.branch}}"),
		Entry("a shell's variable", `message: {text: "${branch} broke"}`, "write %{branch}"),
		Entry("a shell's variable in Go's syntax", `message: {syntax: Go, text: "${branch} broke"}`, "write {{.branch}}"),
		Entry("a filter with a state that Travis never sends", `filter: 'build.state == "failing"'`, `build.state is never "failing"`),
		Entry("a filter with a result in upper case", `filter: 'build.result == "Passed"'`, `did you mean "passed"?`),
		Entry("a filter with a type that Travis never sends", `filter: 'build.type in ["pr", "push"]'`, `build.type is never "pr"`),
		Entry("a filter that is never true", `filter: 'build.branch == "a" && build.branch == "b"'`, "it is never true"),
		Entry("a filter that is never true of the route's events", "events: [passed]\n  filter: 'build.result == \"failed\"'", "never true for the events"),
		Entry("branches as regular expressions", `branches: {include: ["^release/.*$"]}`, "looks like a regular expression"),
		Entry("excluded branches as regular expressions", `branches: {exclude: ['v\d+']}`, "looks like a regular expression"),
		Entry("branches with refs/heads/", `branches: {include: [refs/heads/main]}`, "write main"),
		Entry("a token in another case", "suspend: false", "the token Secret"),
	)

	DescribeTable("lint", func(ctx SpecContext, content, says string, code int) {
		n++
		file := filepath.Join("pitfalls", fmt.Sprintf("f%d.yaml", n))
		Expect(os.WriteFile(filepath.Join(s.dir, file), []byte(content), 0o600)).To(Succeed())
		got := s.run(ctx, "kubectl travis lint -f "+file)
		Expect(got).To(ContainSubstring(says))
		Expect(strings.Contains(got, "(exit code 1)")).To(Equal(code == 1), got)
		Expect(s.run(ctx, "kubectl travis lint "+file)).To(Equal(got), "without -f")
	},
		Entry("passes a Secret with a signing key", `{apiVersion: v1, kind: Secret, metadata: {name: k, labels: {travishook.dev/secret-type: key}}, stringData: {key.pem: x}}`, "0 findings in 1 file, 1 object checked.", 0),
		Entry("passes a credential", `{apiVersion: v1, kind: Secret, metadata: {name: k, labels: {travishook.dev/secret-type: credential}}, stringData: {url: x}}`, "0 findings in 1 file, 1 object checked.", 0),
		Entry("passes a token", `{apiVersion: v1, kind: Secret, metadata: {name: k, labels: {travishook.dev/secret-type: token}}, stringData: {repository: a/b, token: x}}`, "0 findings in 1 file, 1 object checked.", 0),
		Entry("passes a TravisDefaults", `{apiVersion: travishook.dev/v1alpha1, kind: TravisDefaults, metadata: {name: default}, spec: {events: [fixed]}}`, "0 findings in 1 file, 1 object checked.", 0),
		Entry("finds an unknown label", `{apiVersion: v1, kind: Secret, metadata: {name: k, labels: {travishook.dev/secret-type: keys}}}`, "is one of token, credential and key", 1),
		Entry("finds a token without the label", `{apiVersion: v1, kind: Secret, metadata: {name: k}, stringData: {repository: a/b, token: x}}`, "kubectl label secret -n default k travishook.dev/secret-type=token", 0),
		Entry("finds a TravisRoute without apiVersion", `{kind: TravisRoute, metadata: {name: r}, spec: {repository: a/b, channels: [{address: x}]}}`, "the apiVersion is missing: write apiVersion: travishook.dev/v1alpha1", 1),
		Entry("finds a file without the operator's kinds", `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}`, "nothing to check", 1),
		Entry("finds an empty file", ``, "nothing to check", 1),
	)

	It("finds an empty folder", func(ctx SpecContext) {
		Expect(os.Mkdir(filepath.Join(s.dir, "empty"), 0o700)).To(Succeed())
		Expect(s.run(ctx, "kubectl travis lint empty")).To(And(ContainSubstring("nothing to check"), ContainSubstring("(exit code 1)")))
	})
})

// message is that of a route's Ready condition.
func (s *site) message(ctx context.Context, namespace, name string) string {
	return s.kubectl(ctx, "get", "travisroute", name, "-n", namespace, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].message}`)
}

// apply applies a manifest as the administrator.
func (s *site) apply(ctx context.Context, manifest string) {
	GinkgoHelper()
	file := filepath.Join(GinkgoT().TempDir(), "manifest.yaml")
	Expect(os.WriteFile(file, []byte(manifest), 0o600)).To(Succeed())
	s.kubectl(ctx, "apply", "-f", file)
}
