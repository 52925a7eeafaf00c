package cluster_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/docs"
)

// filledIn are what a reader puts in place of the values on the pages that leave something out (…).
var filledIn = strings.NewReplacer(
	"https://chat.example.com/hooks/…/…", "https://chat.example.com/hooks/65f0c1d2e3a4b5c6d7e8f901/"+strings.Repeat("x", 52),
	"https://chat.example.com/hooks/…", "https://chat.example.com/hooks/"+strings.Repeat("x", 26),
	"https://chat.googleapis.com/v1/spaces/…", "https://chat.googleapis.com/v1/spaces/AAAAexample/messages?key=example&token=example",
	"https://discord.com/api/webhooks/…", "https://discord.com/api/webhooks/123456789012345678/"+strings.Repeat("x", 68),
	"https://hooks.slack.com/services/…", "https://hooks.slack.com/services/example",
	"https://…logic.azure.com:443/workflows/…", "https://prod-01.westeurope.logic.azure.com:443/workflows/example/triggers/manual/paths/invoke?sig=example",
	"xoxb-…", "xoxb-example", "syt_Y2k_…", "syt_Y2k_"+strings.Repeat("x", 20), "123456789:…", "123456789:"+strings.Repeat("x", 35),
)

// The pages of the services are followed as by somebody who reads one for the first time: what a section shows is
// applied in its order, and then its route is ready.
var _ = Describe("Every service's page", Ordered, ContinueOnFailure, func() {
	BeforeAll(func(ctx context.Context) {
		free := map[string]any{"address": "127.0.0.1:0"}
		startOperator(ctx, plane.Kubeconfig, map[string]any{
			"apiVersion": "settings.travishook.dev/v1alpha1", "kind": "Settings",
			"receiver": map[string]any{"address": "127.0.0.1:0", "linger": "0s"}, "probes": free, "metrics": free, "api": free,
			"store": map[string]any{"directory": filepath.Join(GinkgoT().TempDir(), "store")},
			"trust": map[string]any{"keys": []any{map[string]any{"name": "test", "pem": travistest.PEM(travistest.Key())}}},
		})
		kubectl(ctx, tokenSecret, "apply", "-f", "-")
		DeferCleanup(func(ctx context.Context) { kubectl(ctx, tokenSecret, "delete", "-f", "-") })
	})

	for name := range registry.Services {
		It("can be followed: "+name, func(ctx context.Context) {
			i := slices.IndexFunc(pages, func(p docs.Page) bool { return p.Path == "docs/services/"+strings.ToLower(name)+".md" })
			Expect(i).NotTo(Equal(-1), "the service has no page")
			r := &reader{}
			for _, b := range pages[i].Blocks() {
				if b.Lang == "yaml" {
					r.follow(ctx, b)
				}
			}
			r.finish(ctx)
			Expect(r.accounts).To(ContainElement(name), "the page shows no account of the service")
		})
	}
})

const tokenSecret = `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "example-token", "namespace": "team-a",
"labels": {"travishook.dev/secret-type": "token"}}, "stringData": {"repository": "example/example", "token": "a-token-of-travis"}}`

// reader follows a page.
type reader struct {
	section  string
	route    map[string]any // the last
	applied  []string       // manifests of the page
	ready    int            // sections whose route was ready
	accounts []string       // the services of the page's accounts
}

// follow applies a block: manifests, or a piece of the route above it. With the first block of another section,
// the route of the last one is to be ready.
func (r *reader) follow(ctx context.Context, b docs.Block) {
	GinkgoHelper()
	By(b.String())
	if b.Section != r.section {
		r.check(ctx)
		r.section = b.Section
	}
	text := filledIn.Replace(b.Text)
	Expect(uncommented(text)).NotTo(ContainSubstring("…"), "%s leaves something out: add what a reader fills in to this test", b)
	var piece map[string]any
	if first, _, _ := strings.Cut(text, "\n---\n"); yaml.Unmarshal([]byte(first), &piece) == nil && piece["apiVersion"] == nil {
		Expect(r.route).NotTo(BeNil(), "%s is a piece of no route", b)
		for key, value := range piece {
			r.route["spec"].(map[string]any)[key] = value
		}
		changed, err := json.Marshal(r.route)
		Expect(err).NotTo(HaveOccurred())
		text = string(changed)
	}
	for _, document := range strings.Split(text, "\n---\n") {
		var object map[string]any
		Expect(yaml.Unmarshal([]byte(document), &object)).To(Succeed(), "%s", b)
		switch object["kind"] {
		case "TravisRoute":
			r.route = object
		case "TravisDefaults":
			r.accounts = append(r.accounts, accountServices(object)...)
		}
	}
	Expect(kubectl(ctx, text, "apply", "-f", "-")).NotTo(ContainSubstring("Warning"), "%s", b)
	r.applied = append(r.applied, text)
}

// check waits until the route is ready, by what is applied now.
func (r *reader) check(ctx context.Context) {
	GinkgoHelper()
	if r.route == nil {
		return
	}
	metadata := r.route["metadata"].(map[string]any)
	Eventually(func(g Gomega) []any {
		out := kubectl(ctx, "", "get", "travisroute", metadata["name"].(string), "-n", metadata["namespace"].(string), "-o", "json")
		var got struct {
			Metadata struct{ Generation int }
			Status   struct {
				Conditions []struct {
					Type, Status, Message string
					ObservedGeneration    int
				}
			}
		}
		g.Expect(json.Unmarshal([]byte(out), &got)).To(Succeed())
		for _, c := range got.Status.Conditions {
			if c.Type == "Ready" {
				return []any{c.Status, c.ObservedGeneration == got.Metadata.Generation, c.Message}
			}
		}
		return nil
	}).WithContext(ctx).Should(HaveExactElements("True", true, BeAssignableToTypeOf("")), "after %q", r.section)
	r.ready++
}

// finish checks the last section, and deletes what was applied.
func (r *reader) finish(ctx context.Context) {
	GinkgoHelper()
	r.check(ctx)
	Expect(r.ready).NotTo(BeZero(), "the page shows no route")
	for _, text := range r.applied {
		kubectl(ctx, text, "delete", "--ignore-not-found", "-f", "-")
	}
}

// accountServices returns the names of the service blocks of a TravisDefaults' accounts.
func accountServices(defaults map[string]any) []string {
	var of struct {
		Spec struct{ Accounts []map[string]any }
	}
	text, err := json.Marshal(defaults)
	Expect(err).NotTo(HaveOccurred())
	Expect(json.Unmarshal(text, &of)).To(Succeed())
	var names []string
	for _, a := range of.Spec.Accounts {
		for name := range a {
			if _, ok := registry.Services[name]; ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// uncommented returns YAML without the comments at the ends of lines.
func uncommented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, " # ")
		b.WriteString(line)
	}
	return b.String()
}
