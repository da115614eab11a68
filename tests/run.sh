#!/bin/sh
# Installs what the tests need, builds, and runs them:
#   sh tests/run.sh                      all
#   sh tests/run.sh NAME…                those whose name matches one of NAME… (as ctest -R)
#   sh tests/run.sh --preset asan […]    under another preset of CMakePresets.json
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/installer/common.sh"

preset=dev
if [ "${1:-}" = --preset ]; then
    [ $# -ge 2 ] || { say 'name a preset: dev, asan, tsan, bench, engine-only'; exit 2; }
    preset=$2
    shift 2
fi
names=
for name in "$@"; do
    names=${names:+$names|}$name
done

need_packages "$root/installer/packages.txt" "$root/tests/packages.txt"

# The MCP clients' packages, as the lock file pins them; outside the checkout's own files.
node=$root/build/node
mkdir -p "$node"
if ! cmp -s "$root/tests/integration/package-lock.json" "$node/package-lock.json" ||
    [ ! -d "$node/node_modules" ]; then
    say 'fetching the MCP SDK'
    cp "$root/tests/integration/package.json" "$root/tests/integration/package-lock.json" "$node/"
    (cd "$node" && npm ci --no-audit --no-fund --silent) || {
        rm -f "$node/package-lock.json"
        say 'npm could not fetch the MCP SDK'
        exit 3
    }
fi

build "$preset"
cd "$root"
exec ctest --preset "$preset" --parallel 2 ${names:+-R "$names"}
