// Package chart_test renders the Helm chart and the kustomize folder, and checks the result.
package chart_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/test/helm"
)

const (
	root      = "../.."
	namespace = "travishook-system"
)

var update = flag.Bool("update", false, "update the golden renders")

func newHelm(t *testing.T) *helm.Helm {
	t.Helper()
	h, err := helm.New(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// cases are the names of testdata/*.values.yaml.
func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no values files: %v", err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".values.yaml")
	}
	return files
}

func render(t *testing.T, h *helm.Helm, args ...string) string {
	t.Helper()
	out, err := h.Run(t.Context(), append([]string{"template", "travishook", h.Chart(), "--namespace", namespace}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRender(t *testing.T) {
	h := newHelm(t)
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			got := render(t, h, "--values", "testdata/"+name+".values.yaml")
			golden := "testdata/" + name + ".golden.yaml"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("go test ./test/chart -update updates it (-want +got):\n%s", diff)
			}
		})
	}
}

// renderWith renders with values as JSON.
func renderWith(t *testing.T, h *helm.Helm, values string) string {
	t.Helper()
	return render(t, h, "--set-json", values)
}

// The operator must be able to read the settings that the chart writes for it.
func TestSettingsAreTheOperators(t *testing.T) {
	h := newHelm(t)
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			s := settingsIn(t, render(t, h, "--values", "testdata/"+name+".values.yaml"))
			if s.Receiver.Address != ":8080" || s.Probes.Address != ":8081" || s.Metrics.Address != ":9090" ||
				s.Store.Directory != "/var/lib/travishook" {
				t.Errorf("the operator's addresses or directory are not the pod's: %+v", s)
			}
		})
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	h := newHelm(t)
	tests := map[string]struct {
		set  string
		says string
	}{
		"misspelled value":            {"signatureonly=[]", "signatureonly"},
		"misspelled settings":         {`config={"reciever":{}}`, "reciever"},
		"address that is the pod's":   {`config={"receiver":{"address":":80"}}`, "address"},
		"ingress without a host":      {`ingress={"enabled":true}`, "host"},
		"repository without a slash":  {`signatureOnly=["example"]`, "signatureOnly"},
		"redirect":                    {`ingress={"enabled":true,"host":"a.example","annotations":{"nginx.ingress.kubernetes.io/ssl-redirect":"true"}}`, "Travis follows a redirect with a GET"},
		"grant given twice":           {`defaults={"signatureOnly":{"namespaces":{"from":"All"},"repositories":["a/b"]}},signatureOnly=["a/b"]`, "remove one of them"},
		"replicas of one's store":     {`replicas=2`, "replicas: 2 operators cannot share the embedded store; set config.store.external"},
		"less than no replicas":       {`replicas=-1`, "replicas"},
		"a store of one's own in it":  {`config={"store":{"directory":"/data"}}`, "directory"},
		"a cluster without a URL":     {`config={"store":{"external":{}}}`, "url"},
		"a user without a cluster":    {`store={"external":{"credentials":{"secretName":"a"}}}`, "store.external.credentials: it needs a NATS cluster"},
		"two users":                   {`store={"external":{"credentials":{"secretName":"a"}}},config={"store":{"external":{"url":"nats://a","credentialsFile":"/b"}}}`, "config.store.external.credentialsFile: store.external.credentials sets it"},
		"two authorities":             {`store={"external":{"ca":{"secretName":"a"}}},config={"store":{"external":{"url":"nats://a","caFile":"/b"}}}`, "config.store.external.caFile: store.external.ca sets it"},
		"no key in a Secret":          {`store={"external":{"ca":{"secretName":"a","key":""}}}`, "key"},
		"two certificates":            {`receiver={"tls":{"secretName":"a"}},config={"receiver":{"tls":{"certFile":"/b","keyFile":"/c"}}}`, "config.receiver.tls: receiver.tls sets it"},
		"two trust bundles":           {`trustBundle={"configMap":"a","secretName":"b"}`, "trustBundle: set configMap or secretName, not both"},
		"a bundle of one's own in it": {`trustBundle={"configMap":"a"},config={"outbound":{"caFile":"/b"}}`, "config.outbound.caFile: trustBundle sets it"},
		"a linger that is no time":    {`config={"receiver":{"linger":"5 apples"}}`, `config.receiver.linger: "5 apples" is not a duration: use one such as 90s, 15m or 24h`},
		"an age in days":              {`config={"receiver":{"maxAge":"2d"}}`, `config.receiver.maxAge: "2d" is not a duration: use 48h`},
		"keys fetched all the time":   {`config={"trust":{"keyRefresh":"0s"}}`, "config.trust.keyRefresh: 0s is under 1m"},
		"an age that is too short":    {`config={"receiver":{"maxAge":"30s"}}`, "config.receiver.maxAge: 30s is under 1m; 0s is no limit"},
		"a linger that is too long":   {`config={"receiver":{"linger":"2m"}}`, "config.receiver.linger: 2m is not between 0s and 1m"},
		"a linger for one pod":        {`config={"receiver":{"linger":"11s"}}`, "config.receiver.linger: 11s is over 10s, and with the embedded store the next pod holds webhooks as long"},
		"dead letters hardly kept":    {`config={"store":{"keepDead":"30m"}}`, "config.store.keepDead: 30m is under 1h"},
		"a store above its volume":    {`config={"store":{"maxSize":"2Gi"}}`, "store.size: 2Gi is too small for config.store.maxSize (2Gi), which needs a volume of 1.5 times that size: set store.size to 3072Mi"},
		"a scheme in the host":        {`ingress={"enabled":true,"host":"https://a.example"}`, "ingress.host: \"https://a.example\" is not a host name: omit the scheme"},
		"a port in the host":          {`ingress={"enabled":true,"host":"a.example:8443"}`, "ingress.host: \"a.example:8443\" is not a host name: omit the scheme, the port and the path"},
		"a store above its memory":    {`config={"store":{"maxMemory":"400Mi"}}`, "config.store.maxMemory: 400Mi is more than 60% of resources.limits.memory (512Mi)"},
		"too little memory":           {`resources={"limits":{"memory":"64Mi"}}`, "resources.limits.memory: 64Mi is too small"},
		"an unknown setting, deep":    {`config={"trust":{"keys":[{"nam":"a"}]}}`, "nam"},
		"an unknown log level":        {`config={"log":{"level":"loud"}}`, "level"},
		"defaults of another kind":    {`defaults={"accounts":[{"name":"a","slak":{}}]}`, "slak"},
		"a route to no Gateway":       {`httpRoute={"enabled":true}`, "parentRefs"},
		"a certificate of no host":    {`certificate={"issuerRef":{"name":"a"}}`, "certificate: there is no host to issue it for: set ingress.host"},
		"an alert that is none":       {`prometheusRule={"enabled":true,"disabled":["TravishookBored"]}`, "prometheusRule.disabled: there is no alert TravishookBored; there are: TravishookDown"},
		"an unknown default event":    {`defaults={"events":["exploded"]}`, "events"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := h.Run(t.Context(), "template", "travishook", h.Chart(), "--set-json", test.set)
			if err == nil {
				t.Fatal("rendered all the same")
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("does not name %q: %v", test.says, err)
			}
		})
	}
}
