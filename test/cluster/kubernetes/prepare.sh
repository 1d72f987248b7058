#!/bin/bash
# Puts Kubernetes' binaries and the images of pods that a cluster itself needs into the user's cache: from prebuilt ones
# beside the repository, or else built from their Go modules. Says nothing when all is there.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
COMPONENTS="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl"
LOG=$CACHE/build.log

from_prebuilt() {
  local directory=${HEDDLE_KUBERNETES_PREBUILT:-$HERE/../../../../shared/cluster/prebuilt} binary
  [ -e "$directory/hyperkube.zst" ] && [ -e "$directory/coredns.zst" ] && command -v zstd >/dev/null || return 1
  for binary in hyperkube coredns; do
    zstd -q -d -f "$directory/$binary.zst" -o "$1/$binary" || return 1
  done
  (cd "$1" && sha256sum --status -c "$HERE/binaries/SHA256SUMS") ||
    { say "the prebuilt binaries in $directory are not those of $HERE/binaries/SHA256SUMS; building instead"; return 1; }
}

# Says every half minute how far a build is, until it is killed or the whole script ends.
say_progress() {
  local said=$SECONDS
  while sleep 1 && kill -0 $$ 2>/dev/null; do
    [ $((SECONDS - said)) -ge 30 ] || continue
    said=$SECONDS
    say "$(grep -vc '^go: ' "$1") of $2 packages are compiled"
  done
}

go_failed() {
  tail -n 20 "$LOG" >&2
  fail "$1; all is in $LOG. Try again: what has been fetched and compiled is kept. Where no Go modules can be fetched, name a directory with hyperkube.zst and coredns.zst in HEDDLE_KUBERNETES_PREBUILT, or a cluster of yours in KUBECONFIG"
}

# The flags of both builds are the same, so that they share what is compiled. The module's go.sum, which every module is
# checked by, must be kept: `go mod tidy` would fetch the tests of all dependencies, four times as much.
from_source() {
  local go=$HERE/../../../scripts/go.sh version= package packages reporter
  say "building Kubernetes $KUBERNETES_VERSION and CoreDNS from their Go modules into $CACHE (5 to 15 minutes, once)"
  cd "$HERE/binaries"
  # Go leaves its temporary files, a gigabyte, when it is ended.
  export CGO_ENABLED=0 GOGC=400 GOTMPDIR=$work
  # Go waits for ever for a registry that does not answer.
  packages=$(timeout --foreground 600 "$go" list -deps ./... 2>"$LOG" | wc -l) || go_failed "the Go modules of Kubernetes could not be fetched"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    version="$version -X $package.gitVersion=v$KUBERNETES_VERSION -X $package.gitMajor=1 -X $package.gitMinor=${KUBERNETES_VERSION:2:2}"
  done
  say_progress "$LOG" "$packages" 7>&- &
  reporter=$!
  disown
  nice -n 5 "$go" build -v -p 2 -trimpath -gcflags=all=-dwarf=false -ldflags "-s -w$version" -o "$1/" ./... >>"$LOG" 2>&1 ||
    go_failed "Kubernetes could not be built"
  kill $reporter
}

# image NAME COMMAND: a directory with one program, as an archive.
image() {
  local name=$1 work
  shift
  [ ! -e "$SYSTEM_IMAGES/$name.tar" ] || return 0
  rm -rf "$CACHE"/new.* # Of those who were killed.
  work=$(mktemp -d)
  mkdir "$work/root"
  cp -L "$1" "$work/root/$name"
  shift
  tar --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$work/root" -cf "$work/layer.tar" .
  cat >"$work/config.json" <<J
{"architecture":"$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')","os":"linux","config":{"Entrypoint":["/$name"$(printf ',"%s"' "$@" | sed 's/,""//')]},
 "rootfs":{"type":"layers","diff_ids":["sha256:$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)"]}}
J
  echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"mesh.local/$name:1\"],\"Layers\":[\"layer.tar\"]}]" >"$work/manifest.json"
  tar -C "$work" -cf "$SYSTEM_IMAGES/$name.tar.new" manifest.json config.json layer.tar
  mv "$SYSTEM_IMAGES/$name.tar.new" "$SYSTEM_IMAGES/$name.tar"
  rm -rf "$work"
}

mkdir -p "$CACHE" "$SYSTEM_IMAGES"
exec 7>"$CACHE/.lock"
flock -n 7 || { say "waiting for another process that prepares Kubernetes"; flock 7; }
if [ ! -x "$BIN/hyperkube" ] || [ ! -x "$BIN/coredns" ]; then
  rm -rf "$CACHE"/new.* # Of those who were killed.
  work=$(mktemp -d "$CACHE/new.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/bin" "$BIN"
  from_prebuilt "$work/bin" || {
    rm -f "$work"/bin/* # Go overwrites nothing that it has not built.
    from_source "$work/bin"
  }
  chmod +x "$work"/bin/*
  mv "$work"/bin/* "$BIN"
fi
for component in $COMPONENTS; do [ -e "$BIN/$component" ] || ln -s hyperkube "$BIN/$component"; done
image pause /usr/bin/catatonit -P
image coredns "$BIN/coredns"
