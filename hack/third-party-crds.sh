#!/usr/bin/env bash
# Prints a folder with third-party CRDs that the chart and the pages use: Gateway API,
# cert-manager, the Prometheus operator and Flux, from the modules that publish them.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/hack/lib/cache.sh"

modules="
sigs.k8s.io/gateway-api@v1.6.0:config/crd/standard/gateway.networking.k8s.io_httproutes.yaml
github.com/cert-manager/cert-manager@v1.21.2:deploy/crds/cert-manager.io_certificates.yaml
github.com/prometheus-operator/prometheus-operator@v0.85.0:example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml
github.com/prometheus-operator/prometheus-operator@v0.85.0:example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml
github.com/fluxcd/helm-controller@v1.6.3:config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml
github.com/fluxcd/kustomize-controller@v1.9.6:config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml
github.com/fluxcd/source-controller@v1.9.6:config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml
"
folder=$cache/crds/$(cksum <<<"$modules" | tr ' ' -)
if [ ! -d "$folder" ]; then
	lock "$folder"
	if [ ! -d "$folder" ]; then
		new=$(mktemp -d "$folder.tmp.XXXXXX")
		cd "$new" # outside of every module
		for line in $modules; do
			dir=$(go mod download -json "${line%%:*}" | sed -n 's/^.*"Dir": "\(.*\)",*$/\1/p')
			[ -f "$dir/${line#*:}" ] || die "${line%%:*} could not be downloaded, or has no ${line#*:}"
			install -m 644 "$dir/${line#*:}" "$new"
		done
		mv "$new" "$folder"
	fi
fi
echo "$folder"
