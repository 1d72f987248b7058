#!/bin/bash
# Puts Kubernetes' binaries and the images of pods that a cluster itself needs into the user's cache: from prebuilt ones
# beside the repository, or else built from their Go modules. Says nothing when all is there.
. "$(dirname "$(readlink -f "$0")")/settings.sh"
COMPONENTS="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl"

from_prebuilt() {
  local directory=${HEDDLE_KUBERNETES_PREBUILT:-$HERE/../../../../shared/cluster/prebuilt} binary
  [ -e "$directory/hyperkube.zst" ] && [ -e "$directory/coredns.zst" ] && command -v zstd >/dev/null || return 1
  for binary in hyperkube coredns; do
    zstd -q -d -f "$directory/$binary.zst" -o "$1/$binary" || return 1
  done
  (cd "$1" && sha256sum --status -c "$HERE/binaries/SHA256SUMS") ||
    { say "the prebuilt binaries in $directory are not those of $HERE/binaries/SHA256SUMS; building instead"; return 1; }
}

# The flags of both builds are the same, so that they share what is compiled. The module's go.sum must be kept: `go mod
# tidy` would fetch the tests of all dependencies, four times as much.
from_source() {
  command -v go >/dev/null ||
    fail "there is no Kubernetes to run: install Go 1.26 to build it, or name a directory with hyperkube.zst and coredns.zst in HEDDLE_KUBERNETES_PREBUILT, or a cluster of yours in KUBECONFIG"
  say "building Kubernetes $KUBERNETES_VERSION and CoreDNS from their Go modules into $CACHE (10 to 15 minutes, once)"
  local log=$CACHE/build.log version= package binary
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    version="$version -X $package.gitVersion=v$KUBERNETES_VERSION -X $package.gitMajor=1 -X $package.gitMinor=${KUBERNETES_VERSION:2:2}"
  done
  for binary in hyperkube coredns; do
    (cd "$HERE/binaries" && CGO_ENABLED=0 GOGC=400 nice -n 5 go build -p 2 -trimpath -gcflags=all=-dwarf=false \
      -ldflags "-s -w$version" -o "$1/$binary" "./$binary") >"$log" 2>&1 ||
      { tail -n 20 "$log" >&2; fail "Kubernetes could not be built"; }
  done
}

# image NAME COMMAND: a directory with one program, as an archive.
image() {
  local name=$1 work
  shift
  [ ! -e "$SYSTEM_IMAGES/$name.tar" ] || return 0
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
flock 7
if [ ! -x "$BIN/hyperkube" ] || [ ! -x "$BIN/coredns" ]; then
  work=$(mktemp -d "$CACHE/new.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  from_prebuilt "$work" || from_source "$work"
  chmod +x "$work"/*
  mkdir -p "$BIN"
  mv "$work"/* "$BIN"
fi
for component in $COMPONENTS; do [ -e "$BIN/$component" ] || ln -s hyperkube "$BIN/$component"; done
image pause /usr/bin/catatonit -P
image coredns "$BIN/coredns"
