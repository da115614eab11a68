#!/bin/sh
# Proves the two commands on a Debian 12 that has nothing: makes one in a folder, puts this
# checkout's HEAD into it, and runs them there. As root; takes about half an hour and 4 GB.
#   sh tests/bare_debian.sh [FOLDER] [TEST-NAME…]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/installer/common.sh"

[ "$(id -u)" = 0 ] || { say 'this needs root, for chroot'; exit 2; }
command -v mmdebstrap >/dev/null 2>&1 || { say 'install mmdebstrap first'; exit 2; }
folder=${1:-$(mktemp -d /var/tmp/celldeck-bare-XXXXXX)}
[ $# -eq 0 ] || shift
bare=$folder/root
mkdir -p "$folder"

if [ ! -x "$bare/bin/sh" ]; then
    say "making a bare Debian in $bare"
    mmdebstrap --quiet --variant=apt --components=main bookworm "$bare"
fi
# What the network asks for here, and nothing else of this machine.
cp /etc/resolv.conf /etc/hosts "$bare/etc/"
mkdir -p "$bare/usr/local/share"
cp /etc/ssl/certs/ca-certificates.crt "$bare/usr/local/share/host-certificates.crt"
rm -rf "$bare/celldeck"
git clone --quiet --no-hardlinks "$root" "$bare/celldeck"
mkdir -p "$bare/notebooks"
cp "$root"/tests/support/notebooks/run/HelloWorld.ipynb "$bare/notebooks/"

inside() {
    say "in the bare Debian: $1"
    unshare --mount --pid --fork --kill-child sh -c '
        mount --types proc proc "$0/proc"
        mount --rbind /dev "$0/dev"
        exec chroot "$0" /usr/bin/env --ignore-environment \
            HOME=/root TERM=dumb PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            NODE_EXTRA_CA_CERTS=/usr/local/share/host-certificates.crt \
            sh -c "$1"' "$bare" "$1" </dev/null
}

inside 'sh /celldeck/installer/run.sh run /notebooks/HelloWorld.ipynb --output /notebooks/done.ipynb'
grep -q 'Hello World' "$bare/notebooks/done.ipynb"
inside 'sh /celldeck/installer/run.sh stats'
# Without a display the console says so, and names the other way.
inside 'sh /celldeck/installer/run.sh; test $? = 3'
inside "sh /celldeck/tests/run.sh $*"
inside 'cd /celldeck && test -z "$(git status --porcelain)"'
say 'both commands work on a bare Debian, and leave the checkout clean'
