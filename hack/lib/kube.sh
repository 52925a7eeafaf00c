# Sourced by the scripts that compile Kubernetes' programs from the pinned modules. Needs cache.sh.

# compile DIRECTORY PACKAGE NAME MODULE FLAGS...: one program, with a line of progress every ten seconds.
compile() {
	local dir=$1 package=$2 name=$3 module=$4
	shift 4
	progress "  compiling $name" env CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" \
		go -C "$root/hack/tools/$module" build -trimpath "$@" -o "$dir/$name" "$package"
}

# compile_kube DIRECTORY NAME [MODULE]: one of Kubernetes' programs, which does not know its version unless it is
# linked in.
compile_kube() {
	local version flags="-s -w" minor p module=${3:-kube}
	version=$(module_version "$module" k8s.io/kubernetes)
	minor=${version#v1.}
	for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		flags+=" -X $p.gitVersion=$version -X $p.gitMajor=1 -X $p.gitMinor=${minor%%.*} -X $p.gitTreeState=archive"
		flags+=" -X $p.gitCommit=unknown -X $p.buildDate=1970-01-01T00:00:00Z"
	done
	compile "$1" "k8s.io/kubernetes/cmd/$2" "$2" "$module" -tags selinux,notest,grpcnotrace -ldflags "$flags"
}
