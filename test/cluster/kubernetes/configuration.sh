# shellcheck shell=bash
# The configuration files of the node's daemons, in $RUN.

write_configuration() {
  mkdir -p "$RUN"/{cni,containerd,kubelet,pod-logs}
  echo "nameserver $DNS_ADDRESS" >"$RUN/resolv.conf"

  cat >"$RUN/cni/10-bridge.conflist" <<J
{"cniVersion":"0.4.0","name":"pods","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"isDefaultGateway":true,"hairpinMode":true,"ipMasq":false,"mtu":1500,
  "ipam":{"type":"host-local","dataDir":"$RUN/addresses","ranges":[[{"subnet":"$POD_NETWORK"}]]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
J

  # restrict_oom_score_adj: in a container without CAP_SYS_RESOURCE the kernel refuses a lower score, and every pod fails.
  cat >"$RUN/containerd.toml" <<T
version = 2
root = "$RUN/containerd/root"
state = "$RUN/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs","io.containerd.snapshotter.v1.btrfs","io.containerd.snapshotter.v1.devmapper","io.containerd.snapshotter.v1.zfs","io.containerd.internal.v1.opt","io.containerd.tracing.processor.v1.otlp","io.containerd.internal.v1.tracing"]
[grpc]
  address = "$RUN/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "mesh.local/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$RUN/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
T

  # failCgroupV1: machines with version 1 are fine. oomScoreAdj, maxOpenFiles: what needs no CAP_SYS_RESOURCE.
  cat >"$RUN/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet.crt
tlsPrivateKeyFile: $PKI/kubelet.key
containerRuntimeEndpoint: unix://$RUN/containerd.sock
podLogsDir: $RUN/pod-logs
resolvConf: $RUN/resolv.conf
clusterDomain: cluster.local
clusterDNS: [$DNS_ADDRESS]
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
maxOpenFiles: 20000
maxPods: 250
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}
fileCheckFrequency: 5s
nodeStatusUpdateFrequency: 5s
syncFrequency: 30s
registryPullQPS: 0
eventRecordQPS: 0
volumePluginDir: $RUN/volume-plugins
Y

  # conntrack: its limits cannot be written outside the machine's first network namespace.
  cat >"$RUN/kube-proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clientConnection: {kubeconfig: $RUN/proxy.kubeconfig}
clusterCIDR: $CLUSTER_NETWORK
hostnameOverride: $NODE
bindAddress: 0.0.0.0
nodePortAddresses: ["$NODE_NETWORK"]
oomScoreAdj: 0
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 0s, syncPeriod: 30s, localhostNodePorts: false}
Y
}
