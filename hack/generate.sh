#!/usr/bin/env bash
# Writes everything that is generated. Sources: the API types and the controllers' RBAC markers.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
. hack/lib/cache.sh

controller_gen=$(hack/tool.sh controller-gen)
crd_ref_docs=$(hack/tool.sh crd-ref-docs)

"$controller_gen" object paths=./api/... output:object:dir=api/v1alpha1
"$controller_gen" crd paths=./api/... output:crd:dir=config/crd/bases
mkdir -p docs/reference
"$crd_ref_docs" --log-level ERROR --source-path=api --config=hack/crd-ref-docs.yaml \
	--renderer=markdown --output-path=docs/reference/api.md
