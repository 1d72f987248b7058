#!/bin/bash
# The node: runs as the first process of its own network, process and mount namespaces, starts everything there, and
# stays. What it starts ends with it, whichever way it ends. Descriptor 9 is the network of the machine around it.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
. "$HERE/configuration.sh"

# start NAME COMMAND...
start() {
  local name=$1
  shift
  "$@" >"$LOGS/$name.log" 2>&1 </dev/null 9<&- &
  eval "pid_${name//-/_}=$!"
}

# keep COMMAND...: again when it ends, as tests make it, but not when it cannot even start.
keep() {
  local from
  while :; do
    from=$SECONDS
    "$@" || echo "ended with $?"
    [ $((SECONDS - from)) -ge 3 ] || exit 1
    sleep 0.5
  done
}

# await SECONDS NAME WHAT COMMAND...: until COMMAND succeeds; says why not when the daemon NAME has ended, or in the end.
await() {
  local seconds=$1 name=$2 what=$3 deadline pid
  shift 3
  deadline=$((SECONDS + seconds))
  pid=pid_${name//-/_}
  until "$@" >"$RUN/answer" 2>&1; do
    if ! kill -0 "${!pid}" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
      kill -0 "${!pid}" 2>/dev/null && echo "$what: not within $seconds s" || echo "$what: $name has ended"
      echo "the last answer:"
      grep -v '^\[+\]' "$RUN/answer" | tail -n 10
      echo "the end of $LOGS/$name.log:"
      tail -n 15 "$LOGS/$name.log"
      exit 1
    fi
    sleep 0.1
  done
  echo "step $what"
}

kubectl() {
  "$BIN/kubectl" --kubeconfig "$RUN/admin.kubeconfig" "$@"
}

# ---- what this node has for itself ----
mount --make-rshared /
for directory in /var/lib/kubelet /var/lib/cni /var/log/containers /run/containerd; do
  mkdir -p "$directory"
  mount -t tmpfs -o mode=755 heddle "$directory"
done
# The kubelet sets these for the whole machine, unless they are so already: show it that they are.
while read -r key value; do
  [ -e "/proc/sys/$key" ] || continue
  echo "$value" >"$RUN/sysctl"
  cp "$RUN/sysctl" "$RUN/sysctl.${key//\//.}"
  mount --bind "$RUN/sysctl.${key//\//.}" "/proc/sys/$key"
done <<S
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
S

ip link set lo up
ip link add node0 type bridge
ip address add "$NODE_ADDRESS/24" dev node0
ip link set node0 up
# A process of the node that dials a Service needs a route before its address is rewritten. There is no way out of here.
ip route add "$SERVICE_NETWORK" dev node0 src "$NODE_ADDRESS"
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
[ ! -e /proc/sys/net/bridge ] || sysctl -qw net.bridge.bridge-nf-call-iptables=1

# ---- the API server on a port of the machine around: one half listens there, the other dials here ----
start forwarder-out nsenter --net=/proc/self/fd/8 socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork,nodelay "UNIX-CONNECT:$RUN/api.sock" 8<&9
start forwarder-in socat "UNIX-LISTEN:$RUN/api.sock,fork,mode=600" "TCP:127.0.0.1:$API_PORT,nodelay"
exec 9<&-

# ---- containers ----
write_configuration
start containerd containerd --config "$RUN/containerd.toml"

# ---- etcd, API server, controllers ----
# Nothing here has to survive a power failure.
start etcd keep etcd --data-dir "$RUN/etcd" --unsafe-no-fsync \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
  --initial-cluster default=http://127.0.0.1:2380
await 30 etcd "etcd" curl -sf http://127.0.0.1:2379/health
start kube-apiserver keep "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
  --secure-port=$API_PORT --bind-address=0.0.0.0 --advertise-address=$NODE_ADDRESS \
  --service-cluster-ip-range=$SERVICE_NETWORK --allow-privileged=true \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --client-ca-file="$PKI/ca.crt" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
  --requestheader-client-ca-file="$PKI/ca.crt" --requestheader-allowed-names=front-proxy \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
  --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file="$PKI/front-proxy.crt" --proxy-client-key-file="$PKI/front-proxy.key" \
  --kubelet-client-certificate="$PKI/admin.crt" --kubelet-client-key="$PKI/admin.key" \
  --kubelet-preferred-address-types=InternalIP \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file="$PKI/sa.pub" --service-account-signing-key-file="$PKI/sa.key" \
  --profiling=false --event-ttl=1h
await 30 containerd "containerd" ctr -a "$RUN/containerd.sock" version
for image in "$SYSTEM_IMAGES"/*.tar; do
  ctr -a "$RUN/containerd.sock" -n k8s.io images import "$image" >/dev/null
done
await 120 kube-apiserver "API server" kubectl get --raw "/readyz?verbose"
# Its controllers ask with accounts of their own, which takes seconds at the default rate.
start kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig="$RUN/controller-manager.kubeconfig" \
  --authentication-kubeconfig="$RUN/controller-manager.kubeconfig" \
  --authorization-kubeconfig="$RUN/controller-manager.kubeconfig" \
  --bind-address=127.0.0.1 --leader-elect=false --kube-api-qps=500 --kube-api-burst=1000 \
  --use-service-account-credentials=true --service-account-private-key-file="$PKI/sa.key" \
  --root-ca-file="$PKI/ca.crt" --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
  --allocate-node-cidrs=true --cluster-cidr=$CLUSTER_NETWORK --service-cluster-ip-range=$SERVICE_NETWORK \
  --profiling=false
start kube-scheduler "$BIN/kube-scheduler" --kubeconfig="$RUN/scheduler.kubeconfig" \
  --authentication-kubeconfig="$RUN/scheduler.kubeconfig" --authorization-kubeconfig="$RUN/scheduler.kubeconfig" \
  --bind-address=127.0.0.1 --leader-elect=false --profiling=false

# ---- the node's own daemons, names ----
start kubelet "$BIN/kubelet" --config="$RUN/kubelet.yaml" --kubeconfig="$RUN/kubelet.kubeconfig" \
  --root-dir="$RUN/kubelet" --cert-dir="$RUN/kubelet/pki" --hostname-override=$NODE --node-ip=$NODE_ADDRESS
start kube-proxy "$BIN/kube-proxy" --config="$RUN/kube-proxy.yaml"
kubectl apply -f "$HERE/dns.yaml" >/dev/null
await 60 kubelet "node" kubectl wait node/$NODE --for=condition=Ready --timeout=1s
await 60 kubelet "cluster DNS" kubectl -n kube-system rollout status deployment/coredns --timeout=1s

port=$(sed -n 's/.*listening on .*127\.0\.0\.1:\([0-9]*\)$/\1/p' "$LOGS/forwarder-out.log" | head -n 1)
. "$HERE/certificates.sh"
kubeconfig "$RUN/kubeconfig" admin "$port"
echo ready
# When one of them ends, the cluster does, so that a broken one is seen at once.
wait -n
echo "a daemon has ended"
