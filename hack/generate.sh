#!/usr/bin/env bash
# Writes everything that is generated. Sources: the API types, the controllers' RBAC markers and
# the chart: kustomize installs the chart as rendered with its default values.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh
. hack/lib/render.sh

controller_gen=$(hack/tool.sh controller-gen)
crd_ref_docs=$(hack/tool.sh crd-ref-docs)
helm=$(hack/tool.sh helm)
chart=charts/travishook

"$controller_gen" object paths=./api/... output:object:dir=api/v1alpha1
"$controller_gen" crd paths=./api/... output:crd:dir=config/crd/bases
go run ./hack/crdschema config/crd/bases/*.yaml
mkdir -p docs/reference
"$crd_ref_docs" --log-level ERROR --source-path=api --config=hack/crd-ref-docs/config.yaml \
	--renderer=markdown --templates-dir=hack/crd-ref-docs/templates --output-path=docs/reference/api.md

"$controller_gen" rbac:roleName=travishook paths=./controllers/... output:rbac:dir="$chart/files"
mkdir -p "$chart/crds"
rm -f "$chart"/crds/*.yaml
cp config/crd/bases/*.yaml "$chart/crds/"

go run ./hack/chartschema
go run ./hack/chartreadme

# render FILE TEMPLATE...: what the chart's templates come to, as a manifest for kustomize.
render() {
	local file=$1 only=()
	shift
	mkdir -p "$(dirname "$file")"
	for template in "$@"; do only+=(--show-only "templates/$template.yaml"); done
	{
		echo "# Generated from charts/travishook by make generate. DO NOT EDIT."
		"$helm" template travishook "$chart" --namespace travishook-system "${only[@]}" |
			without_helm
	} >"$file"
}
render config/rbac/rbac.yaml serviceaccount rbac
render config/manager/manager.yaml deployment service networkpolicy
render config/setup/claim.yaml claim
# kustomize makes the ConfigMap of the settings, and its name takes the place of the checksum.
sed -i.bak -e '/^      annotations:$/,/checksum\/settings: /d' config/manager/manager.yaml
rm config/manager/manager.yaml.bak
"$helm" template travishook "$chart" --show-only templates/configmap.yaml |
	sed -e '1,/^  settings.yaml: |$/d' -e '/^$/d' -e 's/^    //' >config/manager/settings.yaml
