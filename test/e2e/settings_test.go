package e2e

import (
	"context"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

var _ = Describe("An operator that is restarted with other settings", func() {
	It("no longer serves namespaces that were taken out, and serves the others as before", func(ctx context.Context) {
		s, left, r := newSite(ctx), newSite(ctx), openChannel()
		left.system = s.system
		// An operator of all namespaces also serves those of other tests, whose token it is.
		const own = "a token of these namespaces"
		s.apply(ctx, strings.ReplaceAll(tokenSecret, token, own)+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		left.apply(ctx, strings.NewReplacer("example/example", "left/left", token, own).Replace(tokenSecret+"---"+route))
		post := func(b travistest.Build) int { return s.postTo(ctx, s.operator.URL+"/"+proof(own), b) }

		some := s.settings()
		both := strings.Replace(some, "namespaces: ["+s.name+"]", "namespaces: ["+s.name+", "+left.name+"]", 1)
		all := strings.Replace(some, "namespaces: ["+s.name+"]", "namespaces: []", 1)
		for i, before := range []string{both, all} {
			s.startWith(ctx, before)
			s.waitReady(ctx)
			left.waitReady(ctx)
			Expect(post(travistest.Build{ID: int64(10*i + 1)})).To(Equal(http.StatusAccepted))
			Expect(s.operator.Stop()).To(Succeed()) // after it has saved its table

			s.startWith(ctx, some)
			Expect(post(travistest.Build{ID: int64(10*i + 2), Result: travis.Broken})).To(Equal(http.StatusAccepted))
			Eventually(texts(r)).Should(HaveLen(2 * (i + 1)))
			Expect(post(travistest.Build{ID: int64(10*i + 3), Repository: "left/left"})).To(Equal(http.StatusNoContent))
			Expect(s.operator.Log()).NotTo(ContainSubstring("unknown namespace"))
			Expect(s.operator.Stop()).To(Succeed())
		}
	})

	It("starts with a lowered limit of the store, with a raise, and with the raise rolled back", func(ctx context.Context) {
		s, r := newSite(ctx), openChannel()
		s.apply(ctx, tokenSecret+"---"+accountSecret(r)+"---"+webhookAccount+"---"+route)
		limited := func(size string) string {
			return strings.Replace(s.settings(), "store: {", "store: {maxSize: "+size+", ", 1)
		}
		for i, size := range []string{"1Gi", "16Mi", "4Gi", "1Gi"} { // lowered; a raise that is rolled back
			s.startWith(ctx, limited(size))
			Expect(s.post(ctx, travistest.Build{ID: int64(i + 1)})).To(Equal(http.StatusAccepted))
			Eventually(texts(r)).Should(HaveLen(i + 1))
			Expect(s.operator.Stop()).To(Succeed())
		}
	})
})
