package nginx_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/test/nginx"
	"github.com/travishook/travishook/test/suite"
)

func TestNginx(t *testing.T) {
	if err := nginx.Installed(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: " + err.Error())
	}
	suite.Run(t, "A receiver behind nginx")
}

// recorder records what the receiver did: its observer, its store and its log.
type recorder struct {
	mu      sync.Mutex
	reasons []string
	notices []string
	log     []string
}

var (
	proxy    *nginx.Server
	recorded *recorder
)

var _ = BeforeSuite(func() {
	recorded = &recorder{}
	server, err := receiver.NewServer(receiver.ServerOptions{
		Address: "127.0.0.1:0", Handler: receiver.NewHandler(recorded.options()), Drain: time.Second, Log: logr.Discard(),
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, stop := context.WithCancel(context.Background())
	Expect(server.Listen()).To(Succeed())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended).WithTimeout(time.Minute).Should(Receive(BeNil()))
	})

	proxy, err = nginx.Start(ctx, GinkgoT().TempDir(), server.Addr().(*net.TCPAddr).String())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(proxy.Stop()).To(Succeed()) })
})

// options returns options of a receiver for example/example, on signature alone.
func (s *recorder) options() receiver.Options {
	compiler := routing.NewCompiler(routing.Config{OperatorNamespace: "travishook-system"})
	compiler.PutRoute(&v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "example"},
		Spec:       v1alpha1.TravisRouteSpec{Repository: "example/example", Channels: []v1alpha1.Channel{{Account: "chat"}}},
	})
	compiler.PutDefaults(&v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: "travishook-system", Name: "default"},
		Spec: v1alpha1.TravisDefaultsSpec{SignatureOnly: &v1alpha1.SignatureOnly{
			Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: []v1alpha1.RepositoryGlob{"*/*"},
		}},
	})
	ring := verify.NewKeyring(verify.Key{Name: "travis", Public: &travistest.Key().PublicKey})
	return receiver.Options{
		Settings: receiver.Settings{
			PathPrefix: "/travis", MaxAge: 24 * time.Hour,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		},
		Lookup: func(slug string) (*routing.Repository, bool) { return compiler.Table().Repository(slug) },
		Keys:   func() *verify.Keyring { return ring },
		Ready:  func() error { return nil },
		Store:  s, Values: &keyvaluetest.Map{}, Observer: s, Identity: identity.NewResolver(identity.Options{}),
		Now: time.Now,
		Log: funcr.New(func(_, args string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, args)
		}, funcr.Options{}),
	}
}

func (s *recorder) Accept(_ context.Context, a queue.Acceptance) (queue.Receipt, error) {
	return queue.Receipt{Stored: []string{a.Offers[0].Namespace}}, nil
}

func (s *recorder) Answered(_ int, reason string, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reasons = append(s.reasons, reason)
}

func (s *recorder) Noticed(namespace, repository, reason, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notices = append(s.notices, namespace+" "+repository+" "+reason)
}

func (*recorder) Report(receiver.Report) {}

func (s *recorder) lastReason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.reasons) == 0 {
		return ""
	}
	return s.reasons[len(s.reasons)-1]
}

func (s *recorder) lastLine() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log) == 0 {
		return ""
	}
	return s.log[len(s.log)-1]
}

func (s *recorder) noticed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.notices...)
}
