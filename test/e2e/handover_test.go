package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/operator"
	"github.com/travishook/travishook/test/port"
)

// handover is an operator, and the one that replaces it on the same store.
type handover struct {
	*site
	channel  *chat.Channel
	old, new *operator.Process
	probes   string // URL of the new one's readiness probe
	posted   int64
	answers  chan int // of webhooks to the new one
	held     int
}

// replace starts an operator, and another one beside it as a Deployment does: it is ready before the old one stops.
func replace(ctx context.Context) *handover {
	GinkgoHelper()
	h := replaceWith(ctx, func(settings string) string { return settings })
	Eventually(h.probe).WithContext(ctx).Should(Equal(http.StatusOK), "the new one is ready while the old one has the store open")
	return h
}

// replaceWith starts the other one with changed settings.
func replaceWith(ctx context.Context, change func(settings string) string) *handover {
	GinkgoHelper()
	h := &handover{site: newSite(ctx), channel: openChannel(), answers: make(chan int, 100)}
	h.apply(ctx, tokenSecret+"---"+accountSecret(h.channel)+"---"+webhookAccount+"---"+route)
	h.start(ctx)
	h.old = h.operator
	h.waitReady(ctx)
	h.postOld(ctx)

	probes, err := port.Free()
	Expect(err).NotTo(HaveOccurred())
	path := filepath.Join(h.dir, "new.yaml")
	text := strings.Replace(h.settings(), `probes: {address: "127.0.0.1:0"}`, fmt.Sprintf("probes: {address: %q}", probes), 1)
	Expect(os.WriteFile(path, []byte(change(text)), 0o600)).To(Succeed())
	h.new, err = operator.Start(ctx, binary, "--settings", path, "--kubeconfig", plane.Kubeconfig, "--namespace", h.system)
	Expect(err).NotTo(HaveOccurred())
	h.operator = h.new
	DeferCleanup(func() {
		h.new.Kill()
		if CurrentSpecReport().Failed() {
			AddReportEntry("new operator's log", h.new.Log())
		}
	})
	h.probes = "http://" + probes + "/readyz"
	return h
}

// probe returns the answer to the readiness probe of the new operator.
func (h *handover) probe(ctx context.Context) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.probes, http.NoBody)
	if err != nil {
		return 0, err
	}
	return send(r)
}

func (h *handover) build() travistest.Build {
	h.posted++
	return travistest.Build{ID: h.posted, Number: fmt.Sprint(h.posted)}
}

// postOld sends a webhook to the old operator, which must accept it.
func (h *handover) postOld(ctx context.Context) {
	GinkgoHelper()
	Expect(status(travistest.Request(ctx, h.old.URL+"/"+proof(token), h.build(), h.key))).To(Equal(http.StatusAccepted))
}

// postNew sends a webhook to the new operator, and does not wait for the answer.
func (h *handover) postNew(ctx context.Context) {
	r := travistest.Request(ctx, h.new.URL+"/"+proof(token), h.build(), h.key)
	h.held++
	go func() {
		code, _ := send(r) // an error is code 0
		h.answers <- code
	}()
}

// expectAccepted checks that all webhooks to the new operator were accepted.
func (h *handover) expectAccepted() {
	GinkgoHelper()
	for range h.held {
		var code int
		Eventually(h.answers).Should(Receive(&code))
		Expect(code).To(Equal(http.StatusAccepted))
	}
}

// expectAll checks that all webhooks to the new operator were accepted, and that each message has arrived once.
func (h *handover) expectAll(ctx context.Context) {
	GinkgoHelper()
	h.expectAccepted()
	Eventually(func() int { return len(h.channel.Messages()) }).Should(BeNumerically(">=", h.posted))
	Expect(h.operator.Stop()).To(Succeed())
	Expect(h.channel.Drain(ctx)).To(Succeed())
	numbers := map[string]int{}
	for _, text := range texts(h.channel)() {
		numbers[text]++
	}
	Expect(numbers).To(HaveLen(int(h.posted)))
	Expect(numbers).To(HaveEach(1), "each message arrives once")
}

var _ = Describe("A new operator beside the old one, on the same store", func() {
	It("holds webhooks until the old one has stopped, and accepts them all", func(ctx context.Context) {
		h := replace(ctx)
		for range 5 {
			h.postNew(ctx)
			h.postOld(ctx)
		}
		Expect(h.answers).NotTo(Receive(), "it cannot have stored anything")
		Expect(h.old.Stop()).To(Succeed())
		h.expectAll(ctx)
	})

	It("answers what it holds when it is told to stop before the old one has stopped", func(ctx context.Context) {
		h := replace(ctx)
		for range 5 {
			h.postNew(ctx)
		}
		stopped := make(chan error, 1)
		go func() { stopped <- h.new.Stop() }()
		Eventually(h.probe).WithContext(ctx).ShouldNot(Equal(http.StatusOK), "a third one is to get the next webhooks")
		Expect(h.answers).NotTo(Receive())
		Expect(h.old.Stop()).To(Succeed())
		Eventually(stopped).Should(Receive(BeNil()))
		h.expectAccepted()
		h.held = 0
		h.start(ctx)
		h.expectAll(ctx)
	})

	It("fetches the signing key once, and accepts what it holds although the key's server fails then", func(ctx context.Context) {
		var fetches atomic.Int64
		travis := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if fetches.Add(1) > 1 {
				http.Error(w, "down", http.StatusBadGateway)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"config": map[string]any{"notifications": map[string]any{
				"webhook": map[string]any{"public_key": travistest.PEM(travistest.Key())},
			}}})
		}))
		DeferCleanup(travis.Close)
		h := replaceWith(ctx, func(settings string) string {
			settings, _, _ = strings.Cut(settings, "trust:")
			return settings + fmt.Sprintf("trust: {keys: [{name: test, url: %q}]}", travis.URL)
		})
		Eventually(h.probe).WithContext(ctx).Should(Equal(http.StatusOK), "the new one is ready while the old one has the store open")
		h.postNew(ctx)
		Expect(h.old.Stop()).To(Succeed())
		h.expectAll(ctx)
		Expect(fetches.Load()).To(BeEquivalentTo(1))
	})

	It("says in an Event of its pod why it waits", func(ctx context.Context) {
		h := replaceWith(ctx, func(settings string) string {
			GinkgoT().Setenv("POD_NAME", "travishook-1")
			GinkgoT().Setenv("POD_UID", "0123")
			settings, _, _ = strings.Cut(settings, "trust:")
			return settings + `trust: {keys: [{name: far, url: "https://127.0.0.1:1/config"}]}`
		})
		Eventually(h.podEvents).WithContext(ctx).Should(MatchRegexp(`^Warning StoreNotOpen Pod/travishook-1/0123: another process has the store open, ` +
			`and keeps it until this one could verify webhooks: signing keys are not known yet \(far: it cannot be reached: .*connection refused\)\n$`))
		h.postOld(ctx)
		Expect(h.new.Stop()).To(Succeed())
	})

	It("takes over from one that is killed", func(ctx context.Context) {
		h := replace(ctx)
		h.postNew(ctx)
		h.postOld(ctx)
		Eventually(texts(h.channel)).Should(HaveLen(2), "what was sent right before a kill may be sent again")
		Eventually(func() string {
			return kubectl(ctx, "", "get", "travisroute", "example", "-n", h.name, "-o", "jsonpath={.status.channels[*].lastDelivered.build}")
		}).Should(Equal(fmt.Sprint(h.posted)), "the old one has stored what became of them")
		h.old.Kill()
		h.expectAll(ctx)
	})
})
