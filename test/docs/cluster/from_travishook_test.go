package cluster_test

import (
	"context"
	"os"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/docs"
	"github.com/travishook/travishook/test/operator"
)

// The commands in the table of TravisHook's features are run in their order, with a route for each command
// that removes one.
var _ = Describe("The commands on the page for TravisHook's users", func() {
	It("work", func(ctx context.Context) {
		bin := GinkgoT().TempDir()
		Expect(operator.InstallPlugin(ctx, plane.Root, bin)).To(Succeed())
		// kubectl finds plugins in the PATH.
		GinkgoT().Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		kubectl(ctx, "", "create", "namespace", "team-b")
		kubectl(ctx, "", "config", "set-context", "--current", "--namespace", "team-b")
		DeferCleanup(func(ctx context.Context) {
			kubectl(ctx, "", "config", "set-context", "--current", "--namespace", "default")
		})

		kubectl(ctx, "", "travis", "route", "test/test", "room@rooms.test")

		commands := tableCommands()
		Expect(len(commands)).To(BeNumerically(">", 10))
		for _, c := range commands {
			By(c)
			args := strings.Fields(c)[1:]
			if slices.Contains(args, "remove") {
				kubectl(ctx, "", "travis", "route", "example/example", "example@example.com")
			}
			kubectl(ctx, "", args...)
		}
		Expect(kubectl(ctx, "", "get", "travisroutes,secrets", "-o", "yaml")).NotTo(ContainSubstring("example/example"), "all of it was removed")
	})
})

// tableCommands returns the kubectl commands of the table, except those with placeholders.
func tableCommands() []string {
	GinkgoHelper()
	page := pages[slices.IndexFunc(pages, func(p docs.Page) bool { return p.Path == "docs/from-travishook.md" })]
	text, err := page.Section("## Feature by feature")
	Expect(err).NotTo(HaveOccurred())
	var commands []string
	for _, row := range docs.Rows(text) {
		for _, code := range docs.Codes(row[len(row)-1]) {
			if strings.HasPrefix(code, "kubectl ") && !strings.HasPrefix(code, "kubectl apply") && strings.ToLower(code) == strings.ReplaceAll(code, "-A", "-a") {
				commands = append(commands, code)
			}
		}
	}
	return commands
}
