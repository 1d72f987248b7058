#!/bin/bash
# A Kubernetes of one node for tests: the real thing, in namespaces of its own on this machine.
#   cluster.sh up [NAME]              starts it, unless it runs, and prints the path of its kubeconfig
#   cluster.sh down [NAME]            ends it and removes all that it has left, however it ended
#   cluster.sh hold [NAME]            up, until standard input ends; then down, unless it ran before
#   cluster.sh load NAME FILE...      brings image archives into it
#   cluster.sh crds NAME SET...       custom resource definitions: gateway-api-standard, gateway-api-experimental, istio
#   cluster.sh enter NAME COMMAND...  runs a command on the node: in its network, with its mounts and processes
#   cluster.sh kubectl NAME ARGS...
#   cluster.sh pid NAME               a process of the node, for nsenter

usage() {
  sed -n 's/^#   //p' "$0" >&2
  exit 2
}

command=${1:-}
shift || usage
case $command in
  up | down | hold) NAME=${1:-heddle} ;;
  load | crds | enter | kubectl | pid)
    [ $# -gt 0 ] || usage
    NAME=$1
    shift
    ;;
  *) usage ;;
esac
. "$(dirname "$(readlink -f "$0")")/settings.sh"

# The time at which a process started tells it from a later one with its number. A zombie has ended.
started() {
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" {print $20}'
}

# The process that holds the node's namespaces; its one child is the node's first process.
holder() {
  local pid start
  read -r pid start 2>/dev/null <"$RUN/holder" || return 1
  [ "$(started "$pid")" = "$start" ] || return 1
  echo "$pid"
}

runs() {
  holder >/dev/null && [ "$(tail -n 1 "$RUN/progress" 2>/dev/null)" = ready ]
}

first_process() {
  local pid
  pid=$(holder) || fail "cluster $NAME does not run; start it: $0 up $NAME"
  tr -d ' ' <"/proc/$pid/task/$pid/children"
}

enter() {
  local pid
  pid=$(first_process)
  exec nsenter --target "$pid" --net --mount --pid --wd="$PWD" "$@"
}

kubectl() {
  "$BIN/kubectl" --kubeconfig "$RUN/kubeconfig" "$@"
}

remove_cgroups() {
  local hierarchy
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ ! -d "$hierarchy/$CGROUP" ] || find "$hierarchy/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

make_cgroups() {
  local hierarchy controller
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    # Where nobody else has: not every container may.
    for controller in cpu cpuset memory pids io; do
      { echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control; } 2>/dev/null || true
    done
    mkdir -p "/sys/fs/cgroup/$CGROUP"
  else
    for hierarchy in /sys/fs/cgroup/*/; do
      [ -L "${hierarchy%/}" ] || mkdir -p "$hierarchy$CGROUP"
    done
  fi
}

down() {
  local pid child=
  if pid=$(holder); then
    read -r child <"/proc/$pid/task/$pid/children" || true
    kill -KILL "$pid"
    for _ in $(seq 200); do
      [ -n "$(started "$pid")$(started "${child:-$pid}")" ] || break
      sleep 0.05
    done
  fi
  remove_cgroups
  rm -rf "$RUN"
}

up() {
  local pid from=$EPOCHREALTIME shown=0 deadline=$((SECONDS + 240))
  if runs; then return; fi
  down
  "$HERE/prepare.sh"
  mkdir -m 700 "$RUN"
  mkdir "$LOGS"
  . "$HERE/certificates.sh"
  make_certificates
  make_cgroups
  # The default is too little for one cluster beside others, and it cannot be had for one alone.
  [ "$(sysctl -n fs.inotify.max_user_instances)" -ge 1024 ] || sysctl -qw fs.inotify.max_user_instances=1024
  [ "$(sysctl -n fs.inotify.max_user_watches)" -ge 524288 ] || sysctl -qw fs.inotify.max_user_watches=524288
  # --kill-child: whoever kills the holder, kills all of the node.
  NAME=$NAME setsid unshare --net --mount --pid --fork --kill-child=KILL --mount-proc \
    catatonit -- "$HERE/node.sh" >"$RUN/progress" 2>&1 </dev/null 9</proc/self/ns/net 7>&- &
  pid=$!
  disown
  echo "$pid $(started $pid)" >"$RUN/holder"
  until [ "$(tail -n 1 "$RUN/progress")" = ready ]; do
    if ! holder >/dev/null || [ $SECONDS -ge $deadline ]; then
      say "cluster $NAME did not start; logs are in $LOGS"
      tail -n 25 "$RUN/progress" >&2
      exit 1
    fi
    sleep 0.1
  done
  say "cluster $NAME is ready after $(awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $from}") s"
}

# Not two at a time for one name.
exclusively() {
  mkdir -p "$CACHE"
  exec 7>"$CACHE/.cluster-$NAME.lock"
  flock -w 300 7 || fail "another process has been starting or ending cluster $NAME for minutes"
  "$@"
  exec 7>&-
}

case $command in
  up)
    exclusively up
    echo "$RUN/kubeconfig"
    ;;
  down) exclusively down ;;
  hold)
    trap '' INT TERM
    ran=no
    ! runs || ran=yes
    exclusively up
    echo "$RUN/kubeconfig"
    cat >/dev/null
    [ $ran = yes ] || exclusively down
    ;;
  load)
    first_process >/dev/null
    for archive in "$@"; do ctr -a "$RUN/containerd.sock" -n k8s.io images import "$archive" >/dev/null; done
    ;;
  crds) for set in "$@"; do zcat "$HERE/crds/$set.yaml.gz" | kubectl apply --server-side -f - >/dev/null; done ;;
  enter) enter "$@" ;;
  kubectl) kubectl "$@" ;;
  pid) first_process ;;
esac
