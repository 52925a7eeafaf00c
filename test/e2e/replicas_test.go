package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/nats"
	"github.com/travishook/travishook/test/operator"
)

// replicas are a few operators that share a store in a NATS cluster.
type replicas struct {
	*site
	store string // settings

	mu        sync.Mutex
	processes []*operator.Process

	next     atomic.Int64
	accepted sync.Map // numbers of builds that were answered with 202
	unsure   sync.Map // those whose answer was lost at least once
	refused  atomic.Int64
}

func newReplicas(ctx context.Context, n int) *replicas {
	GinkgoHelper()
	if !nats.Wanted() {
		Skip("make test-servers runs it")
	}
	binary, err := nats.Binary(ctx, plane.Root)
	Expect(err).NotTo(HaveOccurred())
	cluster, err := nats.Start(ctx, binary, GinkgoT().TempDir(), 3)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(cluster.Stop)
	f := &replicas{site: newSite(ctx)}
	f.extra = "log: {level: debug}" // it shows which replica sends what
	f.store = fmt.Sprintf("store: {maxSize: 64Mi, external: {url: %q, name: %s}}", cluster.URL, f.system)
	for range n {
		f.enlist(f.join(ctx))
	}
	return f
}

// join starts one more operator.
func (f *replicas) join(ctx context.Context) *operator.Process {
	GinkgoHelper()
	own := fmt.Sprintf("store: {directory: %q}", filepath.Join(f.dir, "store"))
	settings := strings.Replace(f.settings(), own, f.store, 1)
	settings = strings.Replace(settings, "linger: 0s", "linger: 1s", 1)
	f.startWith(ctx, settings)
	return f.operator
}

// enlist adds an operator to the targets of webhooks, as a Service does when the pod is ready.
func (f *replicas) enlist(p *operator.Process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.processes = append(f.processes, p)
}

// drop removes an operator from the targets of webhooks.
func (f *replicas) drop(p *operator.Process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.processes {
		if r == p {
			f.processes = append(f.processes[:i:i], f.processes[i+1:]...)
			return
		}
	}
}

// all returns the current operators, beginning with another one each time.
func (f *replicas) all(turn int64) []*operator.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := int(turn) % len(f.processes)
	return append(append([]*operator.Process{}, f.processes[n:]...), f.processes[:n]...)
}

// deliver posts a build as an ingress does: to another replica if one accepts no connection.
func (f *replicas) deliver(ctx context.Context) {
	n := f.next.Add(1)
	number := fmt.Sprint(n)
	build := travistest.Build{ID: 1000 + n, Number: number, Branch: fmt.Sprintf("branch-%d", n%channelCount), Finished: now()}
	for _, p := range f.all(n) {
		response, err := http.DefaultClient.Do(travistest.Request(ctx, p.URL+"/"+proof(token), build, f.key))
		if err != nil {
			if !errors.Is(err, syscall.ECONNREFUSED) {
				f.unsure.Store(number, true)
			}
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		_, unsure := f.unsure.Load(number)
		if response.StatusCode == http.StatusAccepted || unsure && response.StatusCode == http.StatusNoContent {
			f.accepted.Store(number, true)
		} else {
			f.refused.Add(1)
			AddReportEntry("refused", fmt.Sprintf("build %s: %d", number, response.StatusCode))
		}
		return
	}
	f.refused.Add(1)
}

// load posts builds until the returned function is called.
func (f *replicas) load(ctx context.Context) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	var posters sync.WaitGroup
	for range 4 {
		posters.Go(func() {
			pace := time.NewTicker(200 * time.Millisecond) // less than the channels accept together, one a second each
			defer pace.Stop()
			for ctx.Err() == nil {
				f.deliver(context.WithoutCancel(ctx))
				<-pace.C
			}
		})
	}
	return func() { stop(); posters.Wait() }
}

// channelCount is large enough that each replica owns some channels.
const channelCount = 24

// manifests returns a route for each branch, each to a channel of its own, all of one account.
func manifests(r *chat.Channel) string {
	var b strings.Builder
	b.WriteString(tokenSecret + `---
apiVersion: v1
kind: Secret
metadata: {name: chat, namespace: SYSTEM, labels: {travishook.dev/secret-type: credential}}
stringData:
`)
	for i := range channelCount {
		fmt.Fprintf(&b, "  channel-%d: %s/%d\n", i, r.URL, i)
	}
	b.WriteString(`---
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: SYSTEM}
spec:
  accounts:
  - {name: chat, webhook: {secretRef: {name: chat}}}
`)
	for i := range channelCount {
		fmt.Fprintf(&b, `---
apiVersion: travishook.dev/v1alpha1
kind: TravisRoute
metadata: {name: example-%d, namespace: TEAM}
spec:
  repository: example/example
  branches: {include: [branch-%d]}
  channels: [{address: channel-%d}]
  events: ["*"]
`, i, i, i)
	}
	return b.String()
}

func (f *replicas) waitAllReady(ctx context.Context) {
	GinkgoHelper()
	kubectl(ctx, "", "wait", "travisroute", "--all", "-n", f.name, "--for=condition=Ready", "--timeout=90s")
}

func (f *replicas) count() (n int) {
	f.accepted.Range(func(any, any) bool { n++; return true })
	return n
}

func (f *replicas) progress(more int) {
	GinkgoHelper()
	before := f.count()
	Eventually(f.count).Should(BeNumerically(">=", before+more))
}

// arrived counts the messages of each build, by its number.
func arrived(texts []string) map[string]int {
	count := map[string]int{}
	for _, text := range texts {
		_, rest, _ := strings.Cut(text, "build/")
		number, _, _ := strings.Cut(rest, ":")
		count[number]++
	}
	return count
}

// missing returns the accepted builds that have not arrived.
func (f *replicas) missing(texts func() []string) func() []string {
	return func() []string {
		there := arrived(texts())
		var missing []string
		f.accepted.Range(func(number, _ any) bool {
			if there[number.(string)] == 0 {
				missing = append(missing, number.(string))
			}
			return true
		})
		return missing
	}
}

// sending returns how many of the operators have sent something, according to their logs.
func sending(all []*operator.Process) (n int) {
	for _, p := range all {
		if strings.Contains(p.Log(), `"msg":"delivered"`) {
			n++
		}
	}
	return n
}

func twice(texts []string) (numbers []string) {
	for number, n := range arrived(texts) {
		if n > 1 {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

var _ = Describe("Three replicas on a NATS cluster", func() {
	var f *replicas
	BeforeEach(func(ctx context.Context) {
		f = newReplicas(ctx, 3)
	})

	It("all receive and send once, through a rolling restart and the loss of the status writer's lease", func(ctx context.Context) {
		r := openChannel()
		f.apply(ctx, manifests(r))
		f.waitAllReady(ctx)
		for i, p := range f.all(0) {
			f.awaitServing(ctx, p)
			build := travistest.Build{ID: int64(i + 1), Number: fmt.Sprintf("first-%d", i), Branch: "branch-0"}
			Expect(f.postTo(ctx, p.URL+"/"+proof(token), build)).To(Equal(http.StatusAccepted))
		}
		Eventually(texts(r)).Should(HaveLen(3))
		first := f.all(0)

		end := f.load(ctx)
		f.progress(30)
		Eventually(func() int { return sending(first) }).Should(BeNumerically(">", 1), "replicas that send for the one account")
		By("restarting one after another")
		for _, p := range f.all(0) {
			Expect(p.Stop()).To(Succeed()) // it gets webhooks until it accepts no more
			f.drop(p)
			started := f.join(ctx)
			f.awaitServing(ctx, started)
			f.enlist(started)
			f.progress(10)
		}
		By("giving the status writer's lease to an unknown holder")
		kubectl(ctx, "", "patch", "lease", "travishook-status", "-n", f.system, "--type=merge", "-p", `{"spec":{"holderIdentity":"nobody"}}`)
		f.progress(30)
		end()
		Eventually(f.missing(texts(r))).Should(BeEmpty())
		Expect(f.refused.Load()).To(BeZero(), "webhooks that were refused")
		Expect(twice(texts(r)())).To(BeEmpty(), "builds that arrived twice")
	})

	It("go on when one is killed", func(ctx context.Context) {
		r := openChannel()
		f.apply(ctx, manifests(r))
		f.waitAllReady(ctx)
		for _, p := range f.all(0) {
			f.awaitServing(ctx, p)
		}
		end := f.load(ctx)
		f.progress(30)
		victim := f.all(0)[0]
		victim.Kill()
		f.drop(victim)
		f.progress(30)
		end()
		Eventually(f.missing(texts(r))).Should(BeEmpty(), "its channels are another's within the time of a lease")
		Expect(f.refused.Load()).To(BeZero(), "webhooks that were refused")
		Expect(len(twice(texts(r)()))).To(BeNumerically("<=", channelCount), "a channel sends one at a time, and that one's answer may have been lost")
	})
})

// awaitServing waits until an operator has the team's route in its table.
func (f *replicas) awaitServing(ctx context.Context, p *operator.Process) {
	GinkgoHelper()
	stale := travistest.Build{ID: 7, Number: "stale", Finished: now().Add(-48 * time.Hour), Started: now().Add(-49 * time.Hour)}
	Expect(f.postTo(ctx, p.URL+"/"+proof(token), stale)).To(Equal(http.StatusNoContent))
}
