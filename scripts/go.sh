#!/bin/bash
# Runs Go: this machine's when it is new enough for the modules here, else one that it fetches, with any Go, as a module
# (70 MB, checked by Go's checksum database), into Go's own cache.
set -euo pipefail
OLDEST=1.26
FETCHED=1.26.8

if ! version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null); then
  echo "go.sh: there is no Go; any version will do: apt-get install golang-go" >&2
  exit 1
fi
if [ "$(printf 'go%s\n%s\n' $OLDEST "$version" | sort -V | head -n 1)" = go$OLDEST ]; then
  exec go "$@"
fi
module=golang.org/toolchain@v0.0.1-go$FETCHED.$(go env GOOS)-$(go env GOARCH)
if ! said=$(cd / && GOTOOLCHAIN=local timeout --foreground 300 go mod download -json "$module"); then
  echo "go.sh: $version is too old, and Go $FETCHED cannot be fetched; try again, or install Go $OLDEST: ${said:-no answer in 5 minutes}" >&2
  exit 1
fi
GOROOT=$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' <<<"$said")
export GOROOT
# A module can have neither another module in it nor files that are executable.
if [ ! -x "$GOROOT/bin/go" ]; then
  chmod u+w "$GOROOT/src" "$GOROOT/src/cmd"
  cp "$GOROOT/src/_go.mod" "$GOROOT/src/go.mod"
  cp "$GOROOT/src/cmd/_go.mod" "$GOROOT/src/cmd/go.mod"
  chmod -R a+x "$GOROOT/pkg/tool"
  chmod a+x "$GOROOT/bin/go"
fi
exec "$GOROOT/bin/go" "$@"
