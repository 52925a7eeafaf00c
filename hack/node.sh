#!/usr/bin/env bash
# Runs a real Kubernetes cluster of one node, in its own mount, pid, net, ipc, uts and cgroup namespaces: it does not
# listen on the machine's network, and has no connection to the outside. For make e2e-cluster, and for manual tests.
#
#   hack/node.sh check             what is missing on this machine, if anything
#   hack/node.sh up                start it; returns when the node and the cluster's DNS are ready, after some 15 s
#   hack/node.sh down              end it and remove what it left
#   hack/node.sh kubectl ARGS...   kubectl as the cluster's administrator
#   hack/node.sh x COMMAND...      a command inside its namespaces, with the machine's files
#   hack/node.sh load ARCHIVE...   import images; no registry can be reached
#   hack/node.sh volume NAME SIZE  a PersistentVolume on its own file system (SIZE as in 2G)
#   hack/node.sh restart NAME      containerd, etcd, apiserver, controllers, scheduler, kubelet or proxy
#   hack/node.sh log NAME          the path of its log
#
# State is kept in NODE (default /tmp/travishook-node): a short path, because of unix sockets. PROGRAMS is what
# hack/node-programs.sh prints.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
here=$(dirname "$self")
NODE=${NODE:-/tmp/travishook-node}
export NODE
ip=10.90.0.2
pods=10.91.0.0/24
services=10.96.0.0/16
api=10.96.0.1
dns=10.96.0.10
container_socket=/run/containerd/containerd.sock

fail() {
	echo "node: $*" >&2
	exit 1
}

check() {
	[ "$(uname -s)" = Linux ] || { echo "it needs Linux" && return 1; }
	[ "$(id -u)" = 0 ] || { echo "it needs root, for namespaces and mounts: run it as sudo -E make e2e-cluster" && return 1; }
	local missing=() command
	for command in containerd ctr runc conntrack nft ip openssl mkfs.ext4 nginx prosody unshare nsenter; do
		command -v "$command" >/dev/null || missing+=("$command")
	done
	[ -x /usr/lib/cni/bridge ] || missing+=("/usr/lib/cni/bridge")
	[ ${#missing[@]} = 0 ] || {
		echo "it needs ${missing[*]}; apt-get install --no-install-recommends containerd runc" \
			"containernetworking-plugins conntrack nftables iproute2 openssl e2fsprogs nginx-light prosody"
		return 1
	}
	[ -d /sys/fs/cgroup/memory ] || { echo "it needs cgroup v1 (systemd.unified_cgroup_hierarchy=0)" && return 1; }
}

# initpid prints the first process of the namespaces, if they exist.
initpid() {
	local outer
	outer=$(cat "$NODE/unshare.pid" 2>/dev/null) || return 1
	awk '{ print $1 }' "/proc/$outer/task/$outer/children" 2>/dev/null
}

inside() {
	local pid
	pid=$(initpid) && [ -n "$pid" ] || fail "it is not up"
	nsenter -t "$pid" -m -p -n -i -u -C -W "$PWD" "$@"
}

kubectl() { "$PROGRAMS/kubectl" --kubeconfig "$NODE/kubeconfig.admin" "$@"; }

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { "$@"; return; }
		sleep 0.1
	done
}

# component NAME: its command line, one word per line.
component() {
	case $1 in
	containerd) printf '%s\n' containerd -c "$NODE/containerd.toml" ;;
	etcd)
		printf '%s\n' "$PROGRAMS/etcd" --data-dir "$NODE/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \
			--advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
		;;
	apiserver)
		printf '%s\n' "$PROGRAMS/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --advertise-address=$ip \
			--secure-port=6443 --tls-cert-file="$NODE/pki/apiserver.crt" --tls-private-key-file="$NODE/pki/apiserver.key" \
			--client-ca-file="$NODE/pki/ca.crt" --token-auth-file="$NODE/pki/tokens.csv" --authorization-mode=Node,RBAC \
			--enable-admission-plugins=NodeRestriction --allow-privileged=true --service-cluster-ip-range=$services \
			--service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$NODE/pki/sa.pub" \
			--service-account-signing-key-file="$NODE/pki/sa.key" --kubelet-client-certificate="$NODE/pki/kubelet-client.crt" \
			--kubelet-client-key="$NODE/pki/kubelet-client.key" --kubelet-preferred-address-types=InternalIP
		;;
	controllers)
		printf '%s\n' "$PROGRAMS/kube-controller-manager" --kubeconfig="$NODE/kubeconfig.controllers" --leader-elect=false \
			--bind-address=127.0.0.1 --use-service-account-credentials=true --service-account-private-key-file="$NODE/pki/sa.key" \
			--root-ca-file="$NODE/pki/ca.crt" --cluster-signing-cert-file="$NODE/pki/ca.crt" \
			--cluster-signing-key-file="$NODE/pki/ca.key" '--controllers=*' --cert-dir="$NODE/controllers"
		;;
	scheduler)
		printf '%s\n' "$PROGRAMS/kube-scheduler" --kubeconfig="$NODE/kubeconfig.scheduler" --leader-elect=false \
			--bind-address=127.0.0.1 --cert-dir="$NODE/scheduler"
		;;
	kubelet)
		printf '%s\n' "$PROGRAMS/kubelet" --config "$NODE/kubelet.yaml" --kubeconfig "$NODE/kubeconfig.kubelet" \
			--hostname-override node1 --node-ip $ip --root-dir /var/lib/kubelet --v=2
		;;
	proxy) printf '%s\n' "$PROGRAMS/kube-proxy" --config "$NODE/kube-proxy.yaml" --hostname-override node1 --v=2 ;;
	*) fail "there is no component $1" ;;
	esac
}

# run NAME starts a component, inside.
run() {
	local words
	mapfile -t words < <(component "$1")
	(
		cd "$NODE"
		setsid "${words[@]}" >>"$NODE/log/$1.log" 2>&1 </dev/null 9>&- &
		echo $! >"$NODE/run.$1"
	)
}

# restart NAME ends a component and starts it again, inside. An API server would wait a minute for its watchers.
restart() {
	local pid
	pid=$(cat "$NODE/run.$1")
	kill -TERM "$pid" 2>/dev/null || true
	until_true 10 gone "$pid" 2>/dev/null || { kill -KILL "$pid" 2>/dev/null && until_true 10 gone "$pid"; }
	run "$1"
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# mask FILE VALUE hides a kernel setting behind a file with the value that the kubelet wants and may not set.
mask() {
	local file=$NODE/sysctl.${1//\//_}
	echo "$2" >"$file"
	mount --bind "$file" "/proc/sys/$1"
}

configure() {
	cat >"$NODE/cni/10-node.conflist" <<-C
		{"cniVersion":"1.0.0","name":"node","plugins":[
		 {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"hairpinMode":true,
		  "ipam":{"type":"host-local","ranges":[[{"subnet":"$pods"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
		 {"type":"portmap","capabilities":{"portMappings":true}}]}
	C
	cat >"$NODE/containerd.toml" <<-C
		version = 2
		root = "/var/lib/containerd"
		state = "/run/containerd"
		[grpc]
		  address = "$container_socket"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "node.local/pause:1"
		  restrict_oom_score_adj = true
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "overlayfs"
		    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		      runtime_type = "io.containerd.runc.v2"
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "/usr/lib/cni"
		    conf_dir = "$NODE/cni"
	C
	cat >"$NODE/kubelet.yaml" <<-C
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		failCgroupV1: false
		cgroupDriver: cgroupfs
		cgroupRoot: /
		failSwapOn: false
		address: $ip
		containerRuntimeEndpoint: unix://$container_socket
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $NODE/pki/ca.crt}}
		authorization: {mode: Webhook}
		clusterDomain: cluster.local
		clusterDNS: [$dns]
		evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
		imageGCHighThresholdPercent: 100
		makeIPTablesUtilChains: true
		healthzBindAddress: 127.0.0.1
		registerNode: true
	C
	cat >"$NODE/kube-proxy.yaml" <<-C
		apiVersion: kubeproxy.config.k8s.io/v1alpha1
		kind: KubeProxyConfiguration
		mode: nftables
		clusterCIDR: $pods
		bindAddress: $ip
		healthzBindAddress: 127.0.0.1:10256
		metricsBindAddress: 127.0.0.1:10249
		clientConnection: {kubeconfig: $NODE/kubeconfig.proxy}
		conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
	C
}

# folders are what the kubelet and containerd insist on; they are bound to folders in NODE.
folders=(/var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log/pods /var/log/containers)

# first is the first process of the namespaces.
first() {
	local c d image
	mount --make-rprivate /
	mount --make-rshared /
	mount -t sysfs sysfs /sys
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	for c in cpu cpuacct cpuset memory devices freezer blkio pids; do
		mkdir -p /sys/fs/cgroup/$c
		mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c
	done
	mkdir -p /sys/fs/cgroup/systemd # the kubelet wants every hierarchy of /proc/self/cgroup
	mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
	mount -t tmpfs -o mode=755 tmpfs /run
	for d in "${folders[@]}"; do
		mkdir -p "$NODE/root$d"
		mount --bind "$NODE/root$d" "$d"
	done
	mount --make-shared /var/lib/kubelet
	mask vm/overcommit_memory 1
	mask vm/panic_on_oom 0
	mask kernel/panic 10
	mask kernel/panic_on_oops 1
	mask kernel/keys/root_maxkeys 1000000
	mask kernel/keys/root_maxbytes 25000000
	hostname node1
	ip link set lo up
	ip link add node0 type bridge
	ip addr add $ip/24 dev node0
	ip link set node0 up
	ip route add default via 10.90.0.1 dev node0 # nobody is there: no way out
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || true
	printf '%s\n' "127.0.0.1 localhost node1" >"$NODE/hosts"
	mount --bind "$NODE/hosts" /etc/hosts
	configure
	run containerd
	run etcd
	run apiserver
	until_true 60 kubectl get --raw /readyz
	run controllers
	run scheduler
	until_true 30 ctr -a $container_socket version
	for image in pause coredns; do ctr -a $container_socket -n k8s.io images import "$PROGRAMS/$image.tar"; done
	run kubelet
	run proxy
	touch "$NODE/started"
	trap 'exit 0' TERM INT
	while :; do wait || true; sleep 1; done # reaps orphans
}

# sign NAME SUBJECT EXTENSION: a certificate of the cluster's authority.
sign() {
	openssl req -newkey rsa:2048 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" -extfile <(printf '%s' "$3")
}

# user NAME USER GROUP: a token, and a kubeconfig with it.
user() {
	local token
	token=$(openssl rand -hex 16)
	echo "$token,$2,$2,\"$3\"" >>tokens.csv
	cat >"$NODE/kubeconfig.$1" <<-C
		{"apiVersion":"v1","kind":"Config","current-context":"node","contexts":[{"name":"node","context":{"cluster":"node","user":"$1"}}],
		 "clusters":[{"name":"node","cluster":{"server":"https://127.0.0.1:6443","certificate-authority":"$NODE/pki/ca.crt"}}],
		 "users":[{"name":"$1","user":{"token":"$token"}}]}
	C
}

pki() (
	mkdir -p "$NODE/pki"
	cd "$NODE/pki"
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=node -keyout ca.key -out ca.crt
	sign apiserver /CN=kube-apiserver "subjectAltName=IP:127.0.0.1,IP:$ip,IP:$api,DNS:localhost,DNS:kubernetes.default,DNS:kubernetes.default.svc"
	sign kubelet-client /O=system:masters/CN=apiserver-kubelet-client extendedKeyUsage=clientAuth
	openssl genrsa -out sa.key 2048
	openssl rsa -in sa.key -pubout -out sa.pub
	user admin admin system:masters
	user controllers system:kube-controller-manager ""
	user scheduler system:kube-scheduler ""
	user kubelet system:node:node1 system:nodes
	user proxy system:kube-proxy ""
)

up() {
	local missing d
	missing=$(check) || fail "$missing"
	[ ! -e "$NODE" ] || fail "$NODE exists: it is up, or hack/node.sh down has to remove what is left of an earlier one"
	mkdir -p "$NODE/log" "$NODE/cni" "$NODE/volumes"
	chmod 700 "$NODE"
	: >"$NODE/made" # folders that this machine does not have, and gets rid of again
	for d in "${folders[@]}"; do [ -d "$d" ] || { mkdir -p "$d" && echo "$d" >>"$NODE/made"; }; done
	pki >"$NODE/log/pki.log" 2>&1
	setsid unshare --mount --pid --net --ipc --uts --cgroup --fork --mount-proc --kill-child "$self" .first \
		>"$NODE/log/node.log" 2>&1 </dev/null 9>&- &
	echo $! >"$NODE/unshare.pid"
	until_true 120 test -f "$NODE/started" || { tail "$NODE/log/node.log" >&2 && fail "it does not start"; }
	until_true 60 inside "$self" .kubectl get node node1
	inside "$self" .kubectl apply --server-side -f "$here/node" >"$NODE/log/manifests.log"
	inside "$self" .kubectl wait node/node1 --for=condition=Ready --timeout=60s >"$NODE/log/ready.log"
	inside "$self" .kubectl -n kube-system rollout status deployment/coredns --timeout=120s >"$NODE/log/coredns.log"
}

# down ends the first process of the namespaces, and with it all others, and removes the cgroups and folders.
down() {
	local outer pid memory c base k d
	[ -e "$NODE" ] || return 0
	[ -f "$NODE/made" ] || fail "$NODE is not of this script's making"
	outer=$(cat "$NODE/unshare.pid" 2>/dev/null || true)
	pid=$(initpid || true)
	memory=$(awk -F: '$2 == "memory" { print $3 }' "/proc/${pid:-self}/cgroup" 2>/dev/null || true)
	for c in $pid $outer; do kill -9 "$c" 2>/dev/null || true; done
	for c in $pid $outer; do until_true 20 gone "$c" || true; done
	for c in cpu cpuacct cpuset devices freezer blkio pids systemd memory; do
		base=/sys/fs/cgroup/$c
		[ $c != memory ] || base=$base${memory%/}
		for k in kubepods k8s.io; do
			[ ! -d "$base/$k" ] || until_true 10 empty "$base/$k" || true
		done
	done
	tac "$NODE/made" | while read -r d; do rmdir "$d" 2>/dev/null || true; done
	rm -rf "$NODE"
}
# empty removes a cgroup with those below it, once their processes have ended.
empty() { find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; [ ! -d "$1" ]; }

volume() {
	local name=$1 size=$2 image=$NODE/volumes/$1.img
	mkdir -p "$NODE/volumes/$name"
	truncate -s "$size" "$image"
	mkfs.ext4 -q -m 0 "$image"
	inside mount -o loop "$image" "$NODE/volumes/$name"
	inside "$self" .kubectl apply --server-side -f - <<-C
		apiVersion: v1
		kind: PersistentVolume
		metadata: {name: $name}
		spec:
		  capacity: {storage: ${size}i}
		  accessModes: [ReadWriteOnce]
		  persistentVolumeReclaimPolicy: Retain
		  storageClassName: local
		  local: {path: $NODE/volumes/$name}
		  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1]}]}]}}
	C
}

[ $# -gt 0 ] || { sed -n '/^# Runs a real/,/^set/s/^# \{0,1\}//p' "$self" && exit 2; }
verb=$1
shift
case $verb in
check | down | log) ;;
*) export PROGRAMS=${PROGRAMS:-$("$here/node-programs.sh")} ;;
esac
case $verb in
check) check ;;
up) up ;;
down) down ;;
x) inside "$@" ;;
kubectl) inside "$self" .kubectl "$@" ;;
load) for archive in "$@"; do inside ctr -a $container_socket -n k8s.io images import "$(realpath "$archive")"; done ;;
volume) volume "$@" ;;
restart) inside "$self" .restart "$@" ;;
log) echo "$NODE/log/$1.log" ;;
.first) first ;;
.kubectl) kubectl "$@" ;;
.restart) restart "$@" ;;
*) fail "there is no command $verb" ;;
esac
