# What the two commands share; sourced. All talk goes to stderr: stdout is the program's.
# Expects: $root, the checkout.

say() { printf 'celldeck: %s\n' "$*" >&2; }

is_there() {
    if [ $# -gt 1 ] && command -v "$2" >/dev/null 2>&1; then
        return 0
    fi
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages FILE…
need_packages() {
    missing=
    for file in "$@"; do
        while read -r package command; do
            case $package in '' | '#'*) continue ;; esac
            # shellcheck disable=SC2086  # no command: no argument
            is_there "$package" $command || missing="$missing $package"
        done <"$file"
    done
    [ -n "$missing" ] || return 0
    say "installing$missing"
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 || {
            say "this needs root or sudo. As root: apt-get install$missing"
            exit 3
        }
        as_root=sudo
    fi
    mkdir -p "$root/build"
    log=$root/build/packages.log
    # shellcheck disable=SC2086  # a list of words
    if ! { $as_root apt-get -o DPkg::Lock::Timeout=300 update &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
            install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        say "the packages could not be installed; all that apt-get said is in $log"
        exit 3
    fi
}

# build PRESET
build() {
    preset=$1
    log=$root/build/$preset.log
    mkdir -p "$root/build"
    [ -d "$root/build/$preset" ] || say "building $preset for the first time: a few minutes"
    if ! (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset") \
        >"$log" 2>&1 </dev/null; then
        grep -E -A 12 'error:|CMake Error|FAILED' "$log" | head -n 60 >&2
        say "the build failed; all that it said is in $log"
        exit 3
    fi
}
