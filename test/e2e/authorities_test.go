package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
)

// privateServer is a server with a certificate of a private authority: a Travis with its API, and a chat server.
type privateServer struct {
	*httptest.Server

	mu   sync.Mutex
	asks map[string]int // by the first segment of the path
}

func newPrivateServer(key string) *privateServer {
	GinkgoHelper()
	c := &privateServer{asks: map[string]int{}}
	c.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		c.mu.Lock()
		c.asks[part]++
		c.mu.Unlock()
		switch part {
		case "config":
			_ = json.NewEncoder(w).Encode(map[string]any{"config": map[string]any{"notifications": map[string]any{"webhook": map[string]any{"public_key": key}}}})
		case "repo":
			_, _ = io.WriteString(w, `{"@type":"repository","id":1234,"slug":"example/example"}`)
		}
	}))
	DeferCleanup(c.Close)
	return c
}

func (c *privateServer) asked(part string) func() int {
	return func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.asks[part]
	}
}

// bundle writes the server's authority to a file.
func (c *privateServer) bundle() string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "ca.crt")
	text := "# The company's own\n" + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw}))
	Expect(os.WriteFile(path, []byte(text), 0o600)).To(Succeed())
	return path
}

// xmpp serves STARTTLS with the same certificate, and sends on encrypted when a client has accepted it.
func (c *privateServer) xmpp() (address string, encrypted <-chan struct{}) {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(listener.Close)
	accepted := make(chan struct{}, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go c.startTLS(conn, accepted)
		}
	}()
	return listener.Addr().String(), accepted
}

func (c *privateServer) startTLS(conn net.Conn, accepted chan<- struct{}) {
	defer conn.Close()
	from := bufio.NewReader(conn)
	until := func(text string) bool {
		for read := ""; !strings.Contains(read, text); {
			part, err := from.ReadString('>')
			if err != nil {
				return false
			}
			read += part
		}
		return true
	}
	if !until("<stream:stream") {
		return
	}
	_, _ = io.WriteString(conn, `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' from='example.com' version='1.0'>`+
		`<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>`)
	if !until("<starttls") {
		return
	}
	_, _ = io.WriteString(conn, `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
	encrypted := tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: c.TLS.Certificates})
	if _, err := encrypted.Read(make([]byte, 1)); err == nil { // the client goes on
		select {
		case accepted <- struct{}{}:
		default:
		}
	}
}

var _ = Describe("A company's own certificate authority", func() {
	It("is trusted for key URLs, Travis' API and chat services, if the settings name it", func(ctx context.Context) {
		s := newSite(ctx)
		c := newPrivateServer(travistest.PEM(s.key))
		server, encrypted := c.xmpp()
		s.apply(ctx, strings.NewReplacer("CHAT", c.URL+"/chat", "SERVER", server).Replace(companyAccounts)+"---"+
			strings.Replace(route, "channels: [{account: chat}]", "channels: [{account: chat}, {account: jabber, address: ci@rooms.example.com}]", 1))
		before, _, _ := strings.Cut(s.settings(), "  - name: test")
		settings := before + "  - {name: ours, url: \"" + c.URL + "/config\", api: \"" + c.URL + "\", provider: github}\n"

		s.startWith(ctx, settings)
		Eventually(s.operator.Log).Should(ContainSubstring("certificate signed by unknown authority"))
		Expect(s.operator.Stop()).To(Succeed())
		Expect(c.asked("config")()).To(BeZero())

		s.startWith(ctx, settings+"outbound: {caFile: "+c.bundle()+"}\n")
		Expect(s.postTo(ctx, s.operator.URL, travistest.Build{RepositoryID: 1234})).To(Equal(http.StatusAccepted))
		Expect(c.asked("config")()).NotTo(BeZero())
		Expect(c.asked("repo")()).NotTo(BeZero())
		Eventually(c.asked("chat")).ShouldNot(BeZero())
		Eventually(encrypted).Should(Receive())
	})

	It("is reported if it cannot be used", func(ctx context.Context) {
		s := newSite(ctx)
		path := filepath.Join(s.dir, "settings.yaml")
		Expect(os.WriteFile(path, []byte(s.settings()+"outbound: {caFile: "+path+"}\n"), 0o600)).To(Succeed())
		code, last := run(ctx, "--settings", path, "--kubeconfig", plane.Kubeconfig, "--namespace", s.system)
		Expect(code).To(Equal(1))
		Expect(last).To(HavePrefix("travishook: outbound.caFile: " + path + ": "))
	})
})

const companyAccounts = `
apiVersion: v1
kind: Secret
metadata: {name: chat, namespace: SYSTEM, labels: {travishook.dev/secret-type: credential}}
stringData: {url: "CHAT"}
---
apiVersion: v1
kind: Secret
metadata: {name: jabber, namespace: SYSTEM, labels: {travishook.dev/secret-type: credential}}
stringData: {password: not-asked-for, server: "SERVER"}
---
apiVersion: travishook.dev/v1alpha1
kind: TravisDefaults
metadata: {name: default, namespace: SYSTEM}
spec:
  signatureOnly: {namespaces: {from: All}, repositories: [example/*]}
  accounts:
  - name: chat
    webhook: {secretRef: {name: chat}}
  - name: jabber
    xmpp: {jid: ci@example.com, secretRef: {name: jabber}}
`
