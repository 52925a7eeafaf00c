package client_test

import (
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/client"
)

// far is a server that remembers what it was asked, and answers what it is told to.
type far struct {
	*httptest.Server
	asked  []string
	tokens []string
	code   int
	answer string
}

func newFar(t *testing.T) *far {
	f := &far{code: http.StatusOK, answer: "{}"}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.asked = append(f.asked, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+string(body)))
		f.tokens = append(f.tokens, r.Header.Get(deliveryapi.TokenHeader))
		if f.code == http.StatusFound {
			w.Header().Set("Location", "https://elsewhere.example.com/")
		}
		w.WriteHeader(f.code)
		_, _ = io.WriteString(w, f.answer)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *far) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
}

func TestTheServiceProxyIsAsked(t *testing.T) {
	f := newFar(t)
	c, err := client.ThroughCluster(&rest.Config{Host: f.URL + "/prefix", BearerToken: "sesame", TLSClientConfig: rest.TLSClientConfig{CAData: f.ca()}},
		client.Service{Namespace: "travishook-system", Name: "travishook-api", Port: "api"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Deliveries(t.Context(), "team-a", "", deliveryapi.Dead); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Why(t.Context(), "", "example/example", "7"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Redrive(t.Context(), deliveryapi.Redrive{All: true}); err != nil {
		t.Fatal(err)
	}
	const proxy = "/prefix/api/v1/namespaces/travishook-system/services/https:travishook-api:api/proxy"
	want := []string{
		"GET " + proxy + "/v1/deliveries?namespace=team-a&state=dead",
		"GET " + proxy + "/v1/why?build=7&repository=example%2Fexample",
		"POST " + proxy + `/v1/redrive {"all":true}`,
	}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if f.tokens[0] != "Bearer sesame" {
		t.Errorf("the token came as %q", f.tokens[0])
	}
}

func TestTheOperatorIsAskedDirectly(t *testing.T) {
	f := newFar(t)
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

func TestARefusalIsASentence(t *testing.T) {
	for name, test := range map[string]struct {
		code   int
		answer string
		want   string
	}{
		"of the operator":        {403, `{"error":"\"bob\" may not get TravisRoutes"}`, `"bob" may not get TravisRoutes`},
		"of the API server":      {403, `{"kind":"Status","message":"services is forbidden"}`, "the API server does not let you through to the operator: services is forbidden"},
		"no endpoint":            {503, `{"kind":"Status","message":"no endpoints available"}`, "the API server cannot reach the operator: no endpoints available"},
		"of somebody else":       {404, "<html>\nno", `the operator's address answered 404 Not Found, which is not the operator's API: "<html>"`},
		"elsewhere":              {302, "", `the operator's address answered 302 Found, which is not the operator's API: ""`},
		"an answer that is none": {200, "hello", "read the operator's answer: it is not of the operator's API: invalid character 'h' looking for beginning of value"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFar(t)
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

func TestWithoutATokenThereIsAWayOut(t *testing.T) {
	f := newFar(t)
	c, err := client.Direct(&rest.Config{}, f.URL, f.ca())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Deliveries(t.Context(), "", "", ""); !errors.Is(err, client.ErrNoToken) || len(f.asked) != 0 {
		t.Errorf("%v, and %d requests went out", err, len(f.asked))
	}
}
