package commands_test

// elsewhere are the commands that this suite does not run, with the reason: a test that runs them, or what they
// need. The list may only shrink: an entry whose command is on no page fails.
var elsewhere = map[string]string{
	// Other suites run these.
	"make image ARCH=amd64":       "test/image runs hack/image.sh",
	"make image":                  "test/image runs hack/image.sh",
	"make release VERSION=v1.2.3": "test/release runs hack/release.sh",
	"go build -o ~/.local/bin/kubectl-travis ./cmd/kubectl-travis": "test/cli compiles the plugin",

	"kubectl -n travishook-system rollout status deployment travishook": "needs a Deployment controller; make e2e-cluster runs it",
	"kubectl -n travishook-system describe pods":                        "needs a kubelet; make e2e-cluster runs it",
	"helm test travishook --namespace travishook-system":                "needs a kubelet; test/chart/install stands in for it, and make e2e-cluster runs it",

	// These need something that cannot be had here.
	"skopeo copy oci-archive:dist/travishook-linux-amd64.tar docker://registry.example.com/travishook:dev":                     "needs a registry of the reader's",
	`travis encrypt --com --repo example/example --add notifications.webhooks.urls "https://hooks.example.com/travis/<proof>"`: "needs Travis' command line and its API",
	"kubectl logs -n travishook-system deploy/travishook":                                                                      "needs a kubelet; make e2e-cluster runs it",
	"helm repo add nats https://nats-io.github.io/k8s/helm/charts/":                                                            "needs NATS' chart",
	"helm install nats nats/nats --version 2.14.2 --namespace nats --values nats-values.yaml":                                  "needs NATS' chart; test/docs starts a server by these values",
	"kubectl -n travishook-system delete pod NAME":                                                                             "needs a kubelet; make e2e-cluster does it",
	"kubectl -n nats delete pod nats-0":                                                                                        "needs a kubelet; make e2e-cluster does it",
	"kubectl drain NODE --ignore-daemonsets --delete-emptydir-data":                                                            "needs a kubelet; make e2e-cluster does it for the operator's pods",
	"git checkout v1.2.3":                              "needs a release, and there is none",
	"sha256sum --check --ignore-missing checksums.txt": "needs a release; test/release checks the file",
	"gh attestation verify kubectl-travis-linux-amd64.tar.gz --repo travishook/travishook": "needs a release on GitHub",
	"cosign verify ghcr.io/travishook/travishook:1.2.3 --certificate-oidc-issuer https://token.actions.githubusercontent.com --certificate-identity https://github.com/travishook/travishook/.github/workflows/release.yml@refs/tags/v1.2.3":                     "needs a release on GitHub",
	"cosign verify-blob checksums.txt --bundle checksums.txt.sigstore.json --certificate-oidc-issuer https://token.actions.githubusercontent.com --certificate-identity https://github.com/travishook/travishook/.github/workflows/release.yml@refs/tags/v1.2.3": "needs a release on GitHub",
}
