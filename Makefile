# travishook. `make` lists the targets; docs/development.md describes them.
# Needs Go (see go.mod), git and GNU make 3.81 or newer; everything else is installed on demand.
SHELL := /bin/bash
export GOTOOLCHAIN := local
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: machine
machine:
	@hack/check-machine.sh $(MAKE_VERSION)

.PHONY: demo
demo: machine ## Post webhooks to a real operator and show the messages (KEEP=1 keeps it running; BREAK=key, operator or channel)
	@hack/demo.sh

.PHONY: build
build: machine ## Compile the operator and the kubectl plugin into bin/
	@hack/build.sh

.PHONY: image
image: machine ## Write the container image to dist/, without a container engine
	@hack/image.sh

.PHONY: release
release: machine ## Write all files of release VERSION (v1.2.3) to dist/, and publish nothing
	@hack/release.sh

.PHONY: test
test: machine ## Run the tests, after installing the servers that they need
	@hack/test.sh

.PHONY: test-servers
test-servers: machine ## Run the suites against a real NATS cluster of three servers that are killed
	@hack/test-servers.sh

.PHONY: test-oldest
test-oldest: machine ## Run the suites of the installation and the API on the oldest Kubernetes that the chart supports
	@hack/test-oldest.sh

.PHONY: test-release
test-release: machine ## Build a release twice, compare both, and read it as an installer would
	@hack/test-release.sh

.PHONY: e2e
e2e: machine ## Stop the API server for AWAY (default 10m), and show that webhooks are still delivered
	@hack/e2e.sh

.PHONY: e2e-cluster
e2e-cluster: machine ## Install, upgrade, kill and move the operator in a real cluster under load (as root, or with KUBECONFIG)
	@hack/e2e-cluster.sh

.PHONY: race
race: machine ## Run packages with goroutines under the race detector, and find leaks
	@hack/race.sh

.PHONY: fuzz
fuzz: machine ## Run each fuzz target for FUZZTIME (default 30s)
	@hack/fuzz.sh

.PHONY: simulate
simulate: machine ## Simulate the store with SEEDS (default 1-2000) of crashes and failures, or for DURATION; TRACE=1 prints what happens
	@hack/simulate.sh

.PHONY: soak
soak: machine ## Kill processes under load for DURATION (default 10m) on each ENGINE, and show that nothing is lost
	@hack/soak.sh

.PHONY: powerloss
powerloss: machine ## Cut the power of the store's disk, and show that nothing is lost (as root)
	@hack/powerloss.sh

.PHONY: bench
bench: machine ## Measure performance on this machine, and write the figures to docs/performance.md
	@hack/bench.sh

.PHONY: lint
lint: machine ## Check style, the size of functions, and the direction of dependencies
	@hack/lint.sh

.PHONY: vulncheck
vulncheck: machine ## Report known vulnerabilities, from the database GOVULNDB (default https://vuln.go.dev)
	@hack/vulncheck.sh

.PHONY: generate
generate: machine ## Write deep copies, CRDs, RBAC, manifests and the API reference
	@hack/generate.sh

.PHONY: verify
verify: machine ## Fail if a generated file is out of date, a file is not formatted, a license is not allowed, or a workflow is wrong
	@hack/verify.sh
