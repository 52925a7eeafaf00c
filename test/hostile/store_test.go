package hostile

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// wideTenant has a repository whose events go to as many channels as an event may, with the longest
// addresses there are: each event takes about a mebibyte of the store.
func wideTenant(ctx context.Context, namespace, account string, address func(i int) string) *tenant {
	GinkgoHelper()
	t := newTenant(ctx, namespace)
	var manifests []string
	for i := range 16 {
		manifests = append(manifests, route(fmt.Sprintf("wide-%d", i), namespace+"/app",
			"events: [\"*\"]\n"+channelsOf(account, 32, func(c int) string { return address(32*i + c) })))
	}
	t.apply(ctx, append(manifests, tokenFor(namespace+"/app"))...)
	Eventually(t.ready(ctx, "wide-15")).Should(HavePrefix("False: "))
	return t
}

// fill posts events for a tenant until the store refuses them, and returns how many it has accepted.
func (t *tenant) fill(ctx context.Context, repositoryID int64) (accepted int64) {
	GinkgoHelper()
	for {
		build := nextBuild(t.namespace+"/app", repositoryID)
		build.Message = strings.Repeat("long ", int(build.ID%7)*1000)
		switch code := postWebhook(ctx, build, proof(t.namespace+"/app", honestToken)); code {
		case http.StatusAccepted:
			accepted++
		default:
			Expect(code).To(Equal(http.StatusServiceUnavailable))
			return accepted
		}
	}
}

var _ = Describe("A store that is full of the worst events", func() {
	longest := func(i int) string { return fmt.Sprintf("%05d", i) + strings.Repeat("<", 250) }
	mixes := []TableEntry{Entry("for the longest addresses", "wide", longest)}
	if long() {
		mixes = append(mixes, Entry("for short addresses", "many", number))
	}
	DescribeTable("fits into the memory that the chart gives, serves others, restarts and drains", func(ctx context.Context, prefix string, address func(i int) string) {
		first := wideTenant(ctx, prefix+"-a", "none", address)
		second := wideTenant(ctx, prefix+"-b", "none", address)
		third := wideTenant(ctx, prefix+"-c", "own", number) // the account's Secret comes later

		By("filling it up to its limit")
		began := time.Now()
		counts := []int64{first.fill(ctx, 21), second.fill(ctx, 22), third.fill(ctx, 23)}
		AddReportEntry("events of 512 deliveries each, by namespace", fmt.Sprint(counts, " in ", time.Since(began).Round(time.Second)))
		AddReportEntry("peak of resident memory when full, MiB", peakMemory()>>20)
		Expect(counts).NotTo(ContainElement(BeZero()), "each that comes finds room")
		By("reporting it to those whose events are refused, on every route")
		Eventually(first.try).WithArguments(ctx, "", "get", "travisroute", "wide-3", "-o",
			`jsonpath={.status.conditions[?(@.type=="StoreAvailable")].reason}`).Should(Equal("ShareUsed"))
		expectHonestService(ctx)

		By("crashing, and starting again with it")
		process.Kill()
		began = time.Now()
		process = startOperator(ctx)
		Eventually(func() (int, error) {
			return tryWebhook(ctx, nextBuild("honest/app", 1), proof("honest/app", honestToken))
		}).Should(Equal(http.StatusAccepted))
		AddReportEntry("time until a webhook is accepted after the crash", time.Since(began).Round(time.Millisecond).String())
		AddReportEntry("peak of resident memory after the restart, MiB", peakMemory()>>20)
		Expect(third.fill(ctx, 23)).To(BeNumerically("<=", 2), "it is as full as before")

		By("draining: what waits for an account is sent when it comes")
		var sent atomic.Int64
		chat := server(func(http.ResponseWriter, *http.Request) { sent.Add(1) })
		urls := map[string]string{}
		for i := range 512 {
			urls[number(i)] = fmt.Sprintf("%s/%d", chat.URL, i)
		}
		third.apply(ctx, webhookAccount(urls))
		Eventually(sent.Load).Should(BeNumerically(">=", counts[2]*512))

		By("draining: what waits for routes that are deleted ends")
		for _, t := range []*tenant{first, second} {
			kubectl(ctx, "", "delete", "travisroutes", "--all", "-n", t.namespace, "--wait=false")
		}
		Eventually(stored).WithArguments(ctx).Should(BeNumerically("<", 1000), "what other tests have left")
		expectHonestService(ctx)
	}, mixes)
})
