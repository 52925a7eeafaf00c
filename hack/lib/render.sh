# Sourced by the scripts that make manifests for kubectl from the chart.

# without_helm: filters what helm template prints, and leaves out what only Helm needs.
without_helm() {
	sed -e '/^# Source: /d' -e '/^ *helm.sh\/chart: /d' -e '/^ *helm.sh\/resource-policy: /d' -e 's/\(managed-by: \)Helm/\1kustomize/' | cat -s
}
