#!/bin/sh
# Installs what is missing, builds Celldeck and runs it:
#   sh installer/run.sh                      the console
#   sh installer/run.sh run report.ipynb     any command of celldeck
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/installer/common.sh"
need_packages "$root/installer/packages.txt"
build release
exec "$root/build/release/app/celldeck" "$@"
