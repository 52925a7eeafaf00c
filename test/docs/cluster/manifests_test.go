package cluster_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/test/docs"
)

// smallestRoute is the route that pieces of a route are merged into.
const smallestRoute = `{"apiVersion": "travishook.dev/v1alpha1", "kind": "TravisRoute", "metadata": {"name": "piece"},
"spec": {"repository": "example/example", "channels": [{"account": "piece"}]}}`

var _ = Describe("Every block of YAML on a page", func() {
	It("is valid", func(ctx context.Context) {
		counts := map[string]int{}
		for _, p := range pages {
			for _, b := range p.Blocks() {
				if b.Lang == "yaml" {
					By(b.String())
					counts[check(ctx, b)]++
				}
			}
		}
		AddReportEntry("blocks", counts)
		Expect(counts).To(HaveKey("manifest"))
		Expect(counts).To(HaveKey("piece of a route"))
		Expect(counts).To(HaveKey("values"))
		Expect(counts).To(HaveKey("release"))
	})
})

// check checks a block with the program that it is for, and returns its kind.
func check(ctx context.Context, b docs.Block) string {
	GinkgoHelper()
	var top map[string]any
	first, _, _ := strings.Cut(b.Text, "\n---\n")
	Expect(yaml.Unmarshal([]byte(first), &top)).To(Succeed(), "%s", b)
	is := func(key string) bool { _, ok := top[key]; return ok }
	switch {
	case b.Name() == "values.yaml":
		checkValues(ctx, b, b.Text)
		return "values"
	case b.Name() == "nats-values.yaml":
		return "values of NATS' chart" // checked by test/docs
	case top["apiVersion"] == settings.APIVersion:
		return "settings" // checked by test/docs
	case top["kind"] == "HelmRelease":
		checkManifest(ctx, b, b.Text)
		values, err := yaml.Marshal(top["spec"].(map[string]any)["values"])
		Expect(err).NotTo(HaveOccurred())
		checkValues(ctx, b, string(values))
		return "release"
	case top["apiVersion"] == "kustomize.config.k8s.io/v1beta1":
		return "kustomization" // applied by test/docs/commands
	case is("apiVersion"):
		checkManifest(ctx, b, b.Text)
		return "manifest"
	case is("notifications"):
		webhooks := top["notifications"].(map[string]any)["webhooks"]
		Expect(fmt.Sprint(webhooks)).To(ContainSubstring("https://"), "%s", b)
		return ".travis.yml"
	case is("spec"), is("channels"):
		checkManifest(ctx, b, routeWith(top))
		return "piece of a route"
	}
	// The rest are pieces of settings, which test/docs checks.
	Expect([]string{"trust", "delivery", "receiver", "store"}).To(ContainElements(keys(top)), "%s is of no known kind", b)
	return "piece of settings"
}

func keys(top map[string]any) []string {
	var all []string
	for key := range top {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

// routeWith returns the smallest route with parts of its spec replaced.
func routeWith(piece map[string]any) string {
	GinkgoHelper()
	if spec, ok := piece["spec"]; ok {
		piece = spec.(map[string]any)
	}
	var route map[string]any
	Expect(yaml.Unmarshal([]byte(smallestRoute), &route)).To(Succeed())
	spec := route["spec"].(map[string]any)
	for key, value := range piece {
		spec[key] = value
	}
	text, err := yaml.Marshal(route)
	Expect(err).NotTo(HaveOccurred())
	return string(text)
}

// checkManifest checks manifests with a dry run of the API server.
func checkManifest(ctx context.Context, b docs.Block, text string) {
	GinkgoHelper()
	out, err := run(ctx, text, plane.Kubectl, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
	Expect(err).NotTo(HaveOccurred(), "%s: %s", b, out)
	Expect(out).NotTo(ContainSubstring("Warning"), "%s", b)
}

// checkValues renders the chart with values, and reads the operator's settings in it.
func checkValues(ctx context.Context, b docs.Block, values string) {
	GinkgoHelper()
	out, err := program.Run(ctx, "template", "travishook", program.Chart(), "--namespace", system,
		"--values", file("values.yaml", values), "--show-only", "templates/configmap.yaml")
	Expect(err).NotTo(HaveOccurred(), "%s", b)
	var rendered struct{ Data map[string]string }
	Expect(yaml.Unmarshal([]byte(out), &rendered)).To(Succeed(), out)
	_, err = settings.Parse([]byte(rendered.Data["settings.yaml"]))
	Expect(err).NotTo(HaveOccurred(), "%s", b)
}
