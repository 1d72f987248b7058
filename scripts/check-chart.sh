#!/bin/sh
# Renders charts/heddle with the real Helm, and compares it with what `heddle manifests` prints, object by object.
# Helm is $HELM, or is built once from its Go module (5 to 10 minutes of CPU) below ${XDG_CACHE_HOME:-~/.cache}/heddle.
set -eu
cd "$(dirname "$0")/.."
version=v4.3.1
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/heddle/helm-$version
helm=${HELM:-$cache/helm}
if [ ! -x "$helm" ]; then
  echo "building Helm $version" >&2
  GOBIN=$cache GOFLAGS=-p=1 nice -n 19 scripts/go.sh install "helm.sh/helm/v4/cmd/helm@$version"
fi
exec node_modules/.bin/node --disable-warning=ExperimentalWarning scripts/check-chart.ts "$helm"
