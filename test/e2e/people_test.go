package e2e

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/client"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/controlplane"
	"github.com/travishook/travishook/test/helm"
	"github.com/travishook/travishook/test/operator"
)

// people are service accounts with rights on the route by its name, who reach the operator only through the
// API server.
const people = `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: reader, namespace: TEAM}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: owner, namespace: TEAM}}
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: other, namespace: TEAM}}
- apiVersion: rbac.authorization.k8s.io/v1
  kind: Role
  metadata: {name: reader, namespace: TEAM}
  rules: [{apiGroups: [travishook.dev], resources: [travisroutes], resourceNames: [example], verbs: [get]}]
- apiVersion: rbac.authorization.k8s.io/v1
  kind: Role
  metadata: {name: owner, namespace: TEAM}
  rules: [{apiGroups: [travishook.dev], resources: [travisroutes], verbs: [get, list, update]}]
- apiVersion: rbac.authorization.k8s.io/v1
  kind: RoleBinding
  metadata: {name: reader, namespace: TEAM}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
  subjects: [{kind: ServiceAccount, name: reader, namespace: TEAM}]
- apiVersion: rbac.authorization.k8s.io/v1
  kind: RoleBinding
  metadata: {name: owner, namespace: TEAM}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: owner}
  subjects: [{kind: ServiceAccount, name: owner, namespace: TEAM}]
- apiVersion: rbac.authorization.k8s.io/v1
  kind: Role
  metadata: {name: api, namespace: SYSTEM}
  rules: [{apiGroups: [""], resources: [services/proxy], resourceNames: ["https:travishook-api:api"], verbs: [get, create]}]
- apiVersion: rbac.authorization.k8s.io/v1
  kind: RoleBinding
  metadata: {name: api, namespace: SYSTEM}
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: api}
  subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:TEAM"}]
`

// apiService is the chart's Service with the endpoint of the operator, because no controller creates it here. Older
// API servers look for it in Endpoints.
const apiService = `
apiVersion: v1
kind: Service
metadata: {name: travishook-api, namespace: SYSTEM}
spec: {ports: [{name: api, port: 8443, targetPort: PORT}]}
---
apiVersion: v1
kind: Pod
metadata: {name: travishook-0, namespace: SYSTEM}
spec: {containers: [{name: travishook, image: travishook}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: travishook-api, namespace: SYSTEM, labels: {kubernetes.io/service-name: travishook-api}}
addressType: IPv4
endpoints:
- {addresses: [ADDRESS], conditions: {ready: true}, targetRef: {kind: Pod, name: travishook-0, namespace: SYSTEM}}
ports: [{name: api, port: PORT}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: travishook-api, namespace: SYSTEM}
subsets:
- addresses: [{ip: ADDRESS, targetRef: {kind: Pod, name: travishook-0, namespace: SYSTEM}}]
  ports: [{name: api, port: PORT}]
`

var _ = Describe("The API for people", func() {
	It("knows each by the token that the API server's proxy passes on", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, people+"---"+tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.serveAPI(ctx)
		s.waitReady(ctx)
		reader, owner, other := s.person(ctx, "reader"), s.person(ctx, "owner"), s.person(ctx, "other")

		By("making a dead letter by rejecting a message")
		r.Refuse(http.StatusNotFound)
		Expect(s.post(ctx, travistest.Build{Number: "7", Result: travis.Broken})).To(Equal(http.StatusAccepted))
		var dead []deliveryapi.Delivery
		Eventually(func(g Gomega) {
			list, err := reader.Deliveries(ctx, s.name, "example", deliveryapi.Dead)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(list.Deliveries).To(HaveLen(1))
			dead = list.Deliveries
		}).Should(Succeed())

		By("explaining to the reader why no message arrived")
		why, err := reader.Why(ctx, client.Question{Namespace: s.name, Repository: "example/example", Build: "7"})
		Expect(err).NotTo(HaveOccurred())
		Expect(why.Facts[0].Cause).To(Equal(deliveryapi.CauseDead))
		Expect(why.Webhooks).To(HaveLen(1))
		Expect(why.Webhooks[0].Deliveries[0].History).To(HaveLen(1))

		By("refusing users without a token, without the right to read, and without the right to change")
		answer, err := plane.RunKubectl(ctx, plane.Kubeconfig, "", "get", "--raw", "/api/v1/namespaces/"+s.system+"/services/https:travishook-api:api/proxy/v1/deliveries")
		Expect(err).To(HaveOccurred(), "the administrator's certificate does not reach the operator")
		Expect(answer).To(ContainSubstring("You must be logged in"), "as kubectl words an answer of 401")
		_, err = other.Deliveries(ctx, s.name, "", "")
		Expect(refusal(err)).To(Equal(http.StatusForbidden))
		_, err = other.Why(ctx, client.Question{Namespace: s.name, Repository: "example/example"})
		Expect(refusal(err)).To(Equal(http.StatusForbidden))
		_, err = reader.Redrive(ctx, deliveryapi.Redrive{Namespace: s.name, Route: "example"})
		Expect(refusal(err)).To(Equal(http.StatusForbidden))
		_, err = reader.Test(ctx, s.name, "example")
		Expect(refusal(err)).To(Equal(http.StatusForbidden))

		By("redriving for the owner, with the same idempotency key")
		r.Refuse(0)
		n, err := owner.Redrive(ctx, deliveryapi.Redrive{IDs: []string{dead[0].ID}})
		Expect(err).NotTo(HaveOccurred())
		Expect(n).To(Equal(1))
		message, err := r.Wait(ctx, 1)
		Expect(err).NotTo(HaveOccurred())
		Expect(message.ID).To(Equal(dead[0].ID))
		Eventually(func(g Gomega) {
			why, err := reader.Why(ctx, client.Question{Namespace: s.name, Repository: "example/example", Build: "7"})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(why.Webhooks).To(HaveLen(1))
			g.Expect(why.Webhooks[0].Deliveries).To(HaveLen(1), "the reader sees it in every state")
			g.Expect(why.Webhooks[0].Deliveries[0].State).To(Equal(deliveryapi.Delivered))
		}).Should(Succeed())

		By("sending a test message for the owner")
		results, err := owner.Test(ctx, s.name, "example")
		Expect(err).NotTo(HaveOccurred())
		Expect(results).To(ConsistOf(HaveField("Outcome", deliveryapi.TestDelivered)))
		Eventually(texts(r)).Should(ContainElement(HavePrefix("[test] ")))
		Expect(s.operator.Log()).NotTo(ContainSubstring("eyJ"), "how every token begins")
	})
})

// release is where the Service of a Helm release leads to. No controller fills that in here.
const release = `
apiVersion: v1
kind: Pod
metadata: {name: ci-travishook-0, namespace: SYSTEM}
spec: {containers: [{name: travishook, image: travishook}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ci-travishook-api, namespace: SYSTEM, labels: {kubernetes.io/service-name: ci-travishook-api}}
addressType: IPv4
endpoints:
- {addresses: [ADDRESS], conditions: {ready: true}, targetRef: {kind: Pod, name: ci-travishook-0, namespace: SYSTEM}}
ports: [{name: api, port: PORT}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: ci-travishook-api, namespace: SYSTEM}
subsets:
- addresses: [{ip: ADDRESS, targetRef: {kind: Pod, name: ci-travishook-0, namespace: SYSTEM}}]
  ports: [{name: api, port: PORT}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team, namespace: TEAM}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ci-travishook-edit}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: TEAM}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team-view, namespace: TEAM}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ci-travishook-view}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: TEAM}]
`

var _ = Describe("A release with another name", func() {
	It("is found by people with client certificates whom the chart's api.subjects names, without flags", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		h, err := helm.New(ctx, plane.Root, GinkgoT().TempDir())
		Expect(err).NotTo(HaveOccurred())
		manifests, err := h.Run(ctx, "template", "ci", h.Chart(), "--namespace", s.system,
			"--show-only", "templates/service.yaml", "--show-only", "templates/rbac.yaml",
			"--set-json", `api={"subjects":[{"kind":"Group","name":"`+s.name+`","apiGroup":"rbac.authorization.k8s.io"}]}`)
		Expect(err).NotTo(HaveOccurred())
		kubectl(ctx, manifests, "apply", "-f", "-")
		DeferCleanup(func(ctx context.Context) { kubectl(ctx, manifests, "delete", "-f", "-") })
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		s.serve(ctx, release, "ci-travishook-0")
		s.waitReady(ctx)
		Expect(s.post(ctx, travistest.Build{Number: "7"})).To(Equal(http.StatusAccepted))
		Eventually(texts(r)).Should(HaveLen(1))

		plugin, err := operator.BuildPlugin(ctx, plane.Root)
		Expect(err).NotTo(HaveOccurred())
		travis := func(who *controlplane.User) func(args ...string) string {
			return func(args ...string) string {
				cmd := exec.CommandContext(ctx, plugin, append(args, "--kubeconfig", who.Kubeconfig, "-n", s.name, "--operator-namespace", s.system)...)
				out, _ := cmd.CombinedOutput()
				return string(out)
			}
		}
		member, err := plane.AddUserInGroups("pat", s.name)
		Expect(err).NotTo(HaveOccurred())
		pat := travis(member)
		Eventually(func() string { return pat("why", "example/example", "7") }).Should(ContainSubstring("build 7 (passed): delivered to chat:url"))
		Expect(pat("deliveries")).To(ContainSubstring("No deliveries in namespace " + s.name))
		Expect(pat("redrive", "--route", "example")).To(ContainSubstring("No dead letters"))
		Expect(pat("test", "example")).To(ContainSubstring("chat:url: delivered"))
		Expect(pat("version")).To(ContainSubstring("operator: "))

		stranger, err := plane.AddUserInGroups("kim", "others")
		Expect(err).NotTo(HaveOccurred())
		Expect(travis(stranger)("why", "example/example")).To(And(ContainSubstring("api.subjects"), Not(ContainSubstring("build 7"))))
	})
})

// serveAPI starts the operator with its API on an address that the API server may proxy to, which excludes
// loopback.
func (s *site) serveAPI(ctx context.Context) {
	GinkgoHelper()
	s.serve(ctx, apiService, "travishook-0")
}

// serve is serveAPI with other manifests for the Service and its pod.
func (s *site) serve(ctx context.Context, service, pod string) {
	GinkgoHelper()
	address := outwardAddress()
	s.startWith(ctx, strings.Replace(s.settings(), `api: {address: "127.0.0.1:0"}`, `api: {address: "`+address+`:0"}`, 1))
	listens, err := s.operator.APIAddress(ctx)
	Expect(err).NotTo(HaveOccurred())
	_, port, err := net.SplitHostPort(listens)
	Expect(err).NotTo(HaveOccurred())
	s.apply(ctx, strings.NewReplacer("ADDRESS", address, "PORT", port).Replace(service))
	kubectl(ctx, "", "patch", "pod", pod, "-n", s.system, "--subresource=status", "--type=merge",
		"-p", `{"status":{"podIPs":[{"ip":"`+address+`"}],"podIP":"`+address+`"}}`)
}

// outwardAddress returns an address of this machine that is not loopback.
func outwardAddress() string {
	GinkgoHelper()
	addresses, err := net.InterfaceAddrs()
	Expect(err).NotTo(HaveOccurred())
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	const lacks = "this machine has no IPv4 address but loopback, which the API server does not proxy to"
	if os.Getenv("CI") == "true" {
		Fail(lacks)
	}
	Skip("SKIPPED: " + lacks)
	return ""
}

// person returns a client of the operator's API for a service account of the team.
func (s *site) person(ctx context.Context, name string) *client.Client {
	GinkgoHelper()
	c, err := client.ThroughCluster(&rest.Config{
		Host:            plane.Config.Host,
		TLSClientConfig: rest.TLSClientConfig{CAData: plane.Config.CAData},
		BearerToken:     strings.TrimSpace(kubectl(ctx, "", "create", "token", name, "-n", s.name)),
	}, client.Service{Namespace: s.system, Name: "travishook-api", Port: "api"})
	Expect(err).NotTo(HaveOccurred())
	return c
}

// refusal returns the status code of an error.
func refusal(err error) int {
	var status *client.StatusError
	if errors.As(err, &status) {
		return status.Code
	}
	return 0
}
