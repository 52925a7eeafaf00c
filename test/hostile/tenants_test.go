package hostile

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

// channelsOf is the YAML of a route's channels: n addresses of one account.
func channelsOf(account string, n int, address func(i int) string) string {
	var b strings.Builder
	b.WriteString("channels:\n")
	for i := range n {
		fmt.Fprintf(&b, "- {account: %s, address: %q}\n", account, address(i))
	}
	return b.String()
}

func number(i int) string { return fmt.Sprintf("key-%03d", i) }

// webhookAccount defines an account whose Secret has a URL for each address.
func webhookAccount(urls map[string]string) string {
	keys := make([]string, 0, len(urls))
	for key := range urls {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	data := ""
	for _, key := range keys {
		data += fmt.Sprintf("  %s: %q\n", key, urls[key])
	}
	return `
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default}
spec:
  accounts: [{name: own, webhook: {secretRef: {name: own}}}]
---
apiVersion: v1
kind: Secret
metadata: {name: own, labels: {travishook.dev/secret-type: credential}}
stringData:
` + data
}

func tokenFor(repository string) string {
	return `
apiVersion: v1
kind: Secret
metadata: {name: token, labels: {travishook.dev/secret-type: token}}
stringData: {repository: ` + repository + `, token: ` + honestToken + `}
`
}

func server(handler http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(handler)
	DeferCleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

var _ = Describe("Filters", func() {
	bombs := map[string]string{
		"that double a type with each macro":       "[1]" + strings.Repeat(".map(x,{x:x})", 30) + ".size()>0",
		"that compare lists nested in lists":       "[1]" + strings.Repeat(".map(a,[a,a])", 28) + " == [1]" + strings.Repeat(".map(a,[a,a])", 28),
		"that nest macros":                         strings.Repeat("[1,2,3,4,5,6,7,8,9].all(x, ", 12) + "true" + strings.Repeat(")", 12),
		"that look for a list in a list of lists":  "[1]" + strings.Repeat(".map(a,[a,a])", 20) + " in [[1]" + strings.Repeat(".map(a,[a,a])", 20) + "]",
		"that nest brackets deeply":                strings.Repeat("(", 400) + "true" + strings.Repeat(")", 400),
		"that chain conditions":                    strings.Repeat("true ? ", 150) + "true" + strings.Repeat(" : false", 150),
		"that match a regular expression backward": `build.branch.matches("` + strings.Repeat("(a|aa)+", 60) + `$")`,
	}
	It("that would take the operator's time or memory are refused, with what to write instead", func(ctx context.Context) {
		t := newTenant(ctx, "filters")
		refusedByServer := 0
		var names []string
		for kind, filter := range bombs {
			name := fmt.Sprintf("bomb-%d", len(names)+refusedByServer)
			out, err := t.try(ctx, route(name, "shared/app", `events: ["*"]
filter: '`+filter+`'
channels: [{account: none, address: a}]`), "apply", "-f", "-")
			if err != nil {
				Expect(out).To(ContainSubstring("filter"), kind)
				refusedByServer++
				continue
			}
			names = append(names, name)
		}
		for _, name := range names {
			Eventually(t.ready(ctx, name)).Should(MatchRegexp(`^False: .+`))
		}
		By("evaluating none of them for a webhook that they would match")
		Expect(postWebhook(ctx, nextBuild("shared/app", 7), "")).To(BeElementOf(http.StatusAccepted, http.StatusNoContent))
		expectHonestService(ctx)
	})
})

var _ = Describe("Templates", func() {
	It("that take long to check delay their own namespace alone", func(ctx context.Context) {
		t := newTenant(ctx, "templates")
		call := `{{replace "a" "aaaaaaaa" (replace "e" "aaaaaaaa" $.commit_message)}}`
		text := "{{range .jobs}}" + strings.Repeat(call, 4_000/len(call)) + "{{end}}"
		var manifests []string
		for i := range size(20, 60) {
			manifests = append(manifests, route(fmt.Sprintf("template-%d", i), "shared/app", `channels: [{account: none, address: a}]
message:
  syntax: Go
  text: '`+text+`'`))
		}
		t.apply(ctx, manifests...)
		expectHonestService(ctx)
	})
})

var _ = Describe("Targets", func() {
	It("too large for one namespace are refused for it alone, though another hears of the same event", func(ctx context.Context) {
		t := newTenant(ctx, "targets")
		var manifests []string
		for i := range size(20, 60) {
			manifests = append(manifests, route(fmt.Sprintf("large-%d", i), "shared/common",
				"events: [\"*\"]\n"+channelsOf("none", 32, func(c int) string {
					return fmt.Sprintf("%05d", 32*i+c) + strings.Repeat("<", 250)
				})))
		}
		t.apply(ctx, manifests...)
		kubectl(ctx, `
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: common, namespace: `+honest+`}
spec: {repository: shared/common, channels: [{account: sink}], events: ["*"]}
`, "apply", "-f", "-")
		expectReady(ctx, "common")
		Eventually(t.ready(ctx, fmt.Sprintf("large-%d", len(manifests)-1))).Should(HavePrefix("False: "))
		for range size(10, 250) {
			build := nextBuild("shared/common", 8)
			Expect(postWebhook(ctx, build, "")).To(Equal(http.StatusAccepted))
			expectMessage(build)
		}
		expectHonestService(ctx)
	})

	It("of one namespace alone leave room in the store for the others", func(ctx context.Context) {
		t := newTenant(ctx, "hog")
		var manifests []string
		for i := range size(20, 60) {
			manifests = append(manifests, route(fmt.Sprintf("hog-%d", i), "hog/app",
				"events: [\"*\"]\n"+channelsOf("none", 32, func(c int) string {
					return fmt.Sprintf("%05d", 32*i+c) + strings.Repeat("<", 250)
				})))
		}
		t.apply(ctx, append(manifests, tokenFor("hog/app"))...)
		Eventually(t.ready(ctx, fmt.Sprintf("hog-%d", len(manifests)-1))).Should(HavePrefix("False: "))
		for range size(60, 400) {
			Expect(postWebhook(ctx, nextBuild("hog/app", 9), proof("hog/app", honestToken))).
				To(BeElementOf(http.StatusAccepted, http.StatusServiceUnavailable))
		}
		expectHonestService(ctx)
	})
})

var _ = Describe("Channels", func() {
	It("that answer slowly take no other namespace's turn", func(ctx context.Context) {
		t := newTenant(ctx, "slow")
		var waiting atomic.Int64
		release := make(chan struct{})
		slow := server(func(_ http.ResponseWriter, r *http.Request) {
			waiting.Add(1)
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		DeferCleanup(func() { close(release) })
		urls := map[string]string{}
		routes := size(16, 60)
		for i := range 32 * routes {
			urls[number(i)] = fmt.Sprintf("%s/%d", slow.URL, i)
		}
		manifests := []string{webhookAccount(urls), tokenFor("slow/app")}
		for i := range routes {
			manifests = append(manifests, route(fmt.Sprintf("slow-%d", i), "slow/app",
				"events: [\"*\"]\n"+channelsOf("own", 32, func(c int) string { return number(32*i + c) })))
		}
		t.apply(ctx, manifests...)
		Eventually(t.ready(ctx, fmt.Sprintf("slow-%d", routes-1))).Should(HavePrefix("True: "))
		for range 4 {
			Expect(postWebhook(ctx, nextBuild("slow/app", 10), proof("slow/app", honestToken))).To(Equal(http.StatusAccepted))
		}
		Eventually(waiting.Load).Should(BeNumerically(">", 100), "the slow channels are being written to")
		expectHonestService(ctx)
	})

	It("whose servers answer with compressed bombs are read no further than needed", func(ctx context.Context) {
		t := newTenant(ctx, "bombs")
		var answered atomic.Int64
		packed := compressedZeros(64 << 20)
		bomb := server(func(w http.ResponseWriter, _ *http.Request) {
			answered.Add(1)
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write(packed) // fails when the client reads no further
		})
		urls := map[string]string{}
		routes := size(10, 40)
		for i := range 32 * routes {
			urls[number(i)] = fmt.Sprintf("%s/%d", bomb.URL, i)
		}
		manifests := []string{webhookAccount(urls), tokenFor("bombs/app")}
		for i := range routes {
			manifests = append(manifests, route(fmt.Sprintf("bomb-%d", i), "bombs/app",
				"events: [\"*\"]\n"+channelsOf("own", 32, func(c int) string { return number(32*i + c) })))
		}
		t.apply(ctx, manifests...)
		Eventually(t.ready(ctx, fmt.Sprintf("bomb-%d", routes-1))).Should(HavePrefix("True: "))
		Expect(postWebhook(ctx, nextBuild("bombs/app", 11), proof("bombs/app", honestToken))).To(Equal(http.StatusAccepted))
		Eventually(answered.Load).Should(BeNumerically(">", 100))
		expectHonestService(ctx)
	})

	It("of XMPP servers that send endless nested elements cost no memory", func(ctx context.Context) {
		t := newTenant(ctx, "nested")
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { _ = listener.Close() })
		go sendNested(listener)
		accounts := size(8, 32)
		defaults := "apiVersion: travishook.dev/v1alpha1\nkind: TravisDefaults\nmetadata: {name: default}\nspec:\n  accounts:\n"
		secrets, spec := "", "events: [\"*\"]\nchannels:\n"
		for i := range accounts {
			defaults += fmt.Sprintf("  - {name: x%d, xmpp: {jid: ci@x.example, secretRef: {name: x%d}}}\n", i, i)
			secrets += fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: x%d, labels: {travishook.dev/secret-type: credential}}\n"+
				"stringData: {password: a, server: %q}\n", i, listener.Addr())
			spec += fmt.Sprintf("- {account: x%d, address: room@rooms.x.example}\n", i)
		}
		t.apply(ctx, defaults, strings.TrimPrefix(secrets, "---\n"), tokenFor("nested/app"), route("nested", "nested/app", spec))
		Eventually(t.ready(ctx, "nested")).Should(HavePrefix("True: "))
		Expect(postWebhook(ctx, nextBuild("nested/app", 12), proof("nested/app", honestToken))).To(Equal(http.StatusAccepted))
		expectHonestService(ctx)
	})
})

func compressedZeros(size int) []byte {
	GinkgoHelper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(make([]byte, size))
	Expect(errors.Join(err, w.Close())).To(Succeed())
	return packed.Bytes()
}

// sendNested answers each connection with a stream of elements that never end.
func sendNested(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_, err := fmt.Fprint(conn, `<?xml version='1.0'?><stream:stream xmlns='jabber:client' `+
				`xmlns:stream='http://etherx.jabber.org/streams' id='1' from='x.example' version='1.0'>`)
			for i := 0; err == nil && i < 400_000; i++ {
				_, err = fmt.Fprint(conn, "<a>")
			}
		}()
	}
}

var _ = Describe("Test messages", func() {
	It("asked for again and again are few, and in the channel's own pace", func(ctx context.Context) {
		t := newTenant(ctx, "tests")
		var messages atomic.Int64
		chat := server(func(http.ResponseWriter, *http.Request) { messages.Add(1) })
		urls := map[string]string{"url": chat.URL}
		t.apply(ctx, webhookAccount(urls), tokenFor("tests/app"), route("test", "tests/app", "channels: [{account: own}]"))
		Eventually(t.ready(ctx, "test")).Should(HavePrefix("True: "))
		routes := t.routes()
		began := time.Now()
		requests := size(60, 600)
		for i := range requests {
			request := fmt.Sprintf(`{"metadata":{"annotations":{%q:"%d"}}}`, v1alpha1.AnnotationTest, i)
			_, err := routes.Patch(ctx, "test", types.MergePatchType, []byte(request), metav1.PatchOptions{})
			Expect(err).NotTo(HaveOccurred())
		}
		Eventually(messages.Load).Should(BeNumerically(">", 0))
		expectHonestService(ctx)
		sent := messages.Load()
		AddReportEntry("test messages sent", fmt.Sprint(sent, " of ", requests))
		const burst = 20 // of a channel, and then one message a second
		Expect(sent).To(BeNumerically("<=", burst+1+time.Since(began).Seconds()))
	})
})

var _ = Describe("Objects", func() {
	It("with times that Go does not decode stop nobody's routes from being read", func(ctx context.Context) {
		t := newTenant(ctx, "times")
		t.apply(ctx, route("times", "shared/app", "channels: [{account: none, address: a}]"))
		for _, at := range []string{"2026-01-01t00:00:00z", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00,5Z", "2026-01-01T24:00:00Z", "2026-02-30T00:00:00Z"} {
			_, _ = t.try(ctx, "", "patch", "travisroute", "times", "--subresource=status", "--type=merge",
				"-p", `{"status":{"test":{"request":"a","time":"`+at+`","channels":[]}}}`)
		}
		expectHonestService(ctx)
	})

	It("that are large Secrets with our label are not kept whole", func(ctx context.Context) {
		t := newTenant(ctx, "secrets")
		for i := range size(20, 60) {
			t.apply(ctx, fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: large-%d, labels: {travishook.dev/secret-type: credential}}
stringData: {filler: %q}`, i, strings.Repeat("x", 700_000)))
		}
		expectHonestService(ctx)
	})

	It("alike in all that a status shows of them do not keep its writer busy", func(ctx context.Context) {
		t := newTenant(ctx, "alike")
		t.apply(ctx, `
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default}
spec:
  accounts: [{name: x, xmpp: {jid: ci@x.example, secretRef: {name: x}}}]`,
			tokenFor("alike/app"),
			route("alike", "alike/app", "events: [\"*\"]\n"+channelsOf("x", 2, func(i int) string {
				return strings.Repeat("a", 238) + "@rooms.x.example" + fmt.Sprint(i)
			})))
		Eventually(t.ready(ctx, "alike")).ShouldNot(BeEmpty())
		Expect(postWebhook(ctx, nextBuild("alike/app", 13), proof("alike/app", honestToken))).
			To(BeElementOf(http.StatusAccepted, http.StatusNoContent))
		expectHonestService(ctx)
	})
})
