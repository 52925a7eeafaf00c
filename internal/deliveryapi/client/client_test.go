package client_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/client"
)

// refused is the answer of the API server's proxy for a pod that does not listen.
const refused = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",` +
	`"message":"error trying to reach service: dial tcp 10.244.0.7:8443: connect: connection refused","reason":"ServiceUnavailable","code":503}`

// fakeOperator records requests and sends one response.
type fakeOperator struct {
	*httptest.Server
	asked  []string
	tokens []string
	code   int
	answer string
	busy   int // so many requests are answered with 503 first
	closed int // so many requests reach a pod that does not listen first
}

func newFakeOperator(t *testing.T) *fakeOperator {
	f := &fakeOperator{code: http.StatusOK, answer: "{}"}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.asked = append(f.asked, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+string(body)))
		f.tokens = append(f.tokens, r.Header.Get(deliveryapi.TokenHeader))
		if f.code == http.StatusFound {
			w.Header().Set("Location", "https://elsewhere.example.com/")
		}
		if f.closed > 0 {
			f.closed--
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, refused)
			return
		}
		if f.busy > 0 {
			f.busy--
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":"the operator is starting; try again"}`)
			return
		}
		w.WriteHeader(f.code)
		_, _ = io.WriteString(w, f.answer)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeOperator) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
}

func TestThroughCluster(t *testing.T) {
	f := newFakeOperator(t)
	c, err := client.ThroughCluster(&rest.Config{Host: f.URL + "/prefix", BearerToken: "sesame", TLSClientConfig: rest.TLSClientConfig{CAData: f.ca()}},
		client.Service{Namespace: "travishook-system", Name: "travishook-api", Port: "api"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Deliveries(t.Context(), "team-a", "", deliveryapi.Dead); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Why(t.Context(), client.Question{Repository: "example/example", Build: "7", Since: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Redrive(t.Context(), deliveryapi.Redrive{All: true}); err != nil {
		t.Fatal(err)
	}
	const proxy = "/prefix/api/v1/namespaces/travishook-system/services/https:travishook-api:api/proxy"
	want := []string{
		"GET " + proxy + "/v1/deliveries?namespace=team-a&state=dead",
		"GET " + proxy + "/v1/why?build=7&repository=example%2Fexample&since=1h0m0s",
		"POST " + proxy + `/v1/redrive {"all":true}`,
	}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if f.tokens[0] != "Bearer sesame" {
		t.Errorf("the token came as %q", f.tokens[0])
	}
}

func TestDirect(t *testing.T) {
	f := newFakeOperator(t)
	f.answer = `{"results":[{"address":"#a","outcome":"delivered"}]}`
	cluster := &rest.Config{Host: "https://cluster.example.com", APIPath: "/x", BearerToken: "sesame", TLSClientConfig: rest.TLSClientConfig{ServerName: "cluster"}}
	c, err := client.Direct(cluster, f.URL, f.ca())
	if err != nil {
		t.Fatal(err)
	}
	results, err := c.Test(t.Context(), "team-a", "builds")
	if err != nil || len(results) != 1 || results[0].Outcome != deliveryapi.TestDelivered {
		t.Errorf("%v, %v", results, err)
	}
	if want := `POST /v1/test {"namespace":"team-a","route":"builds"}`; f.asked[0] != want {
		t.Errorf("asked %q, want %q", f.asked[0], want)
	}
	for _, bad := range []string{"", "travishook.example.com", "http://travishook.example.com", "https://ann:secret@example.com"} {
		if _, err := client.Direct(cluster, bad, nil); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		code   int
		answer string
		want   string
	}{
		"of the operator":        {403, `{"error":"\"bob\" may not get TravisRoutes"}`, `"bob" may not get TravisRoutes`},
		"of the API server":      {403, `{"kind":"Status","message":"services is forbidden"}`, "the API server does not allow you to connect to the operator: services is forbidden; ask the administrator to add you to api.subjects of the operator's chart"},
		"no endpoint":            {503, `{"kind":"Status","message":"no endpoints available"}`, "the API server cannot connect to the operator: no endpoints available"},
		"of somebody else":       {404, "<html>\nno", `got 404 Not Found from something that is not the operator's API: "<html>"`},
		"elsewhere":              {302, "", `got 302 Found from something that is not the operator's API: ""`},
		"an answer that is none": {200, "hello", "read the operator's response: it is not from the operator's API: invalid character 'h' looking for beginning of value"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeOperator(t)
			f.code, f.answer = test.code, test.answer
			c, err := client.Direct(&rest.Config{BearerToken: "sesame"}, f.URL, f.ca())
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Deliveries(t.Context(), "", "", "")
			if err == nil || err.Error() != test.want {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// Whoever only reads need not try again by hand.
func TestABusyOperatorIsAskedAgain(t *testing.T) {
	const starting = "the operator is starting; try again"
	for name, test := range map[string]struct {
		busy  int
		ask   func(*client.Client) error
		fails bool
		asked int
	}{
		"busy for a moment": {2, func(c *client.Client) error { _, err := c.Deliveries(t.Context(), "", "", ""); return err }, false, 3},
		"busy for long":     {100, func(c *client.Client) error { _, err := c.Version(t.Context()); return err }, true, 6},
		"a change":          {2, func(c *client.Client) error { _, err := c.Redrive(t.Context(), deliveryapi.Redrive{}); return err }, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeOperator(t)
			f.busy = test.busy
			c, err := client.Direct(&rest.Config{BearerToken: "sesame"}, f.URL, f.ca())
			if err != nil {
				t.Fatal(err)
			}
			if err := test.ask(c); (err != nil) != test.fails || err != nil && err.Error() != starting || len(f.asked) != test.asked {
				t.Errorf("asked %d times, and then: %v", len(f.asked), err)
			}
		})
	}
}

// In an upgrade the Service has two pods, of which one may not listen.
func TestAnotherPodIsAskedIfOneRefusesConnections(t *testing.T) {
	for closed, fails := range map[int]bool{0: false, 9: false, 10: true} {
		f := newFakeOperator(t)
		f.closed = closed
		c, err := client.Direct(&rest.Config{BearerToken: "sesame"}, f.URL, f.ca())
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Redrive(t.Context(), deliveryapi.Redrive{All: true})
		if (err != nil) != fails || err != nil && !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%d refused: %v", closed, err)
		}
		for _, asked := range f.asked {
			if asked != f.asked[0] || !strings.Contains(asked, `"all":true`) {
				t.Errorf("repeated with another body: %q", f.asked)
			}
		}
	}
}

// fakeAPIServer records who may make certificate signing requests, and the requests.
type fakeAPIServer struct {
	*httptest.Server
	forbidden bool
	created   []certificatesv1.CertificateSigningRequest
	as        []string // the impersonated user of each request
	deleted   []string
}

func newFakeAPIServer(t *testing.T) *fakeAPIServer {
	f := &fakeAPIServer{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		f.as = append(f.as, r.Header.Get("Impersonate-User"))
		switch {
		case f.forbidden:
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,`+
				`"message":"User \"ann\" cannot impersonate resource \"users\""}`)
		case r.Method == http.MethodDelete:
			f.deleted = append(f.deleted, r.URL.Path)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Success"}`)
		default:
			var request certificatesv1.CertificateSigningRequest
			if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
				t.Error(err)
			}
			f.created = append(f.created, request)
			request.Name = "travishook-abcde"
			request.SetGroupVersionKind(certificatesv1.SchemeGroupVersion.WithKind("CertificateSigningRequest"))
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(request)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// Without a bearer token, and with impersonation, one certificate signing request proves the identity.
func TestIdentityWithoutABearerToken(t *testing.T) {
	for name, cfg := range map[string]rest.Config{
		"a client certificate": {},
		"impersonation":        {BearerToken: "sesame", Impersonate: rest.ImpersonationConfig{UserName: "bob"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, api := newFakeOperator(t), newFakeAPIServer(t)
			cfg.Host = api.URL
			c, err := client.Direct(&cfg, f.URL, f.ca())
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := c.Deliveries(t.Context(), "", "", ""); err != nil {
					t.Fatal(err)
				}
			}
			c.Close(t.Context())
			if len(api.created) != 1 || api.as[0] != cfg.Impersonate.UserName || len(api.deleted) != 1 || !strings.HasSuffix(api.deleted[0], "/travishook-abcde") {
				t.Fatalf("made %d requests as %q, deleted %q", len(api.created), api.as, api.deleted)
			}
			token, _ := strings.CutPrefix(f.tokens[0], "Bearer ")
			request, secret, ok := deliveryapi.ParseIdentityToken(token)
			if !ok || request != "travishook-abcde" || f.tokens[1] != f.tokens[0] {
				t.Fatalf("sent %q", f.tokens)
			}
			block, _ := pem.Decode(api.created[0].Spec.Request)
			parsed, err := x509.ParseCertificateRequest(block.Bytes)
			if err != nil || parsed.CheckSignature() != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(secret))
			if parsed.Subject.CommonName != hex.EncodeToString(sum[:]) || strings.Contains(string(api.created[0].Spec.Request), secret) {
				t.Errorf("the subject is %q", parsed.Subject.CommonName)
			}
		})
	}
}

func TestWithoutTheRightToProveAnIdentityNothingIsSent(t *testing.T) {
	f, api := newFakeOperator(t), newFakeAPIServer(t)
	api.forbidden = true
	for name, test := range map[string]struct {
		cfg  *rest.Config
		says string
	}{
		"a client certificate": {&rest.Config{Host: api.URL}, "your kubeconfig has no bearer token, and you may not create certificatesigningrequests"},
		"impersonation": {
			&rest.Config{Host: api.URL, BearerToken: "sesame", Impersonate: rest.ImpersonationConfig{UserName: "bob"}},
			`you may not make one as "bob": User "ann" cannot impersonate resource "users"`,
		},
	} {
		c, err := client.Direct(test.cfg, f.URL, f.ca())
		if err != nil {
			t.Fatal(err)
		}
		var unproven *client.NoIdentityError
		if _, err := c.Deliveries(t.Context(), "", "", ""); !errors.As(err, &unproven) || !strings.Contains(err.Error(), test.says) || len(f.asked) != 0 {
			t.Errorf("%s: %v, and %d requests were sent", name, err, len(f.asked))
		}
	}
}
