# shellcheck shell=bash
# What all the scripts here agree on. NAME tells clusters of one machine apart: each has a network, processes, mounts
# and cgroups of its own, so that addresses and ports may be the same in all.
set -euo pipefail

HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
NAME=${NAME:-heddle}
[[ $NAME =~ ^[a-z0-9-]{1,30}$ ]] || { echo "cluster: the name $NAME is not made of at most 30 of a-z, 0-9 and -" >&2; exit 2; }

KUBERNETES_VERSION=1.36.3
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/heddle/kubernetes-$KUBERNETES_VERSION
BIN=$CACHE/bin
SYSTEM_IMAGES=$CACHE/images

# All that a cluster writes, but for its cgroups.
RUN=/tmp/heddle-cluster-$NAME
PKI=$RUN/pki
LOGS=$RUN/logs
CGROUP=heddle-$NAME

NODE=node1
NODE_ADDRESS=172.30.0.2
NODE_NETWORK=172.30.0.0/24
POD_NETWORK=10.244.0.0/24
CLUSTER_NETWORK=10.244.0.0/16
SERVICE_NETWORK=10.96.0.0/16
API_ADDRESS=10.96.0.1
DNS_ADDRESS=10.96.0.10
API_PORT=6443

PATH=$PATH:/usr/sbin:/sbin

say() {
  echo "cluster: $*" >&2
}

fail() {
  say "$*"
  exit 1
}
