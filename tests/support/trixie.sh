#!/usr/bin/env bash
# Builds actpass in a Debian 13 root, and runs the unit, torture and end-to-end tests there:
# trixie.sh [--prepare] FOLDER [PATTERN...]
# With --prepare everything is installed and built, and nothing is run.
# FOLDER/root is made by debootstrap from the Debian mirror of this machine's apt, and used again when it is
# there. With patterns only the end-to-end tests that they name are run. Needs root. The tests have a
# network of their own with nothing but loopback. The last line is `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ "$1" = --prepare ]; then
    export TRIXIE_PREPARE=yes
    shift
fi
mkdir -p "$1" || exit 1
folder=$(cd "$1" && pwd)
shift
root=$folder/root

fail() { # WHY
    echo "FAIL trixie: $1"
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
}

# Without security and updates suites: the first archive in apt's sources that has a suite of Debian.
mirror() {
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        awk -v suite="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" '$2 == suite { print $1; exit }'
}

# Under another name until it is whole, so that half a root is not taken for one.
make_root() {
    local from
    from=$(mirror)
    [ -n "$from" ] || fail 'apt has no Debian mirror; see /etc/apt/sources.list.d'
    rm -rf "$root.new"
    debootstrap --variant=minbase trixie "$root.new" "$from" >"$folder/debootstrap.log" 2>&1 || {
        tail -n 5 "$folder/debootstrap.log"
        fail "debootstrap could not make a Debian 13 root: see $folder/debootstrap.log"
    }
    mv "$root.new" "$root"
}

# Runs this script's second half in mount and process namespaces of its own: whatever way it ends, its
# mounts and its processes go with it.
if [ "${TRIXIE_INSIDE:-}" != yes ]; then
    [ "$(id -u)" -eq 0 ] || fail 'only root can make and enter a Debian 13 root'
    command -v debootstrap >/dev/null || fail 'debootstrap is not installed (.ci/install.sh trixie)'
    [ -d "$root" ] || make_root
    TRIXIE_INSIDE=yes exec unshare --mount --pid --fork --kill-child "$0" "$folder" "$@"
fi

inside() { # COMMAND...
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# The root is a mount of its own: `ip netns exec` makes / private, which only a mount can be.
enter() {
    mount --bind "$root" "$root" &&
        mkdir -p "$root/src" "$root/build" "$folder/build" &&
        mount -t proc proc "$root/proc" &&
        mount --rbind /dev "$root/dev" &&
        mount -t tmpfs -o mode=755 tmpfs "$root/run" &&
        mount --bind "$folder/build" "$root/build" &&
        mount --bind . "$root/src" &&
        mount -o remount,bind,ro "$root/src" &&
        cp -L /etc/resolv.conf /etc/hosts "$root/etc/" || return 1
    # How this machine reaches its mirror; the sources are those of the root. It may say nothing.
    apt-config dump | grep -E '^Acquire::(http|https|Check-)' >"$root/etc/apt/apt.conf.d/99machine"
    return 0
}

jobs=$(nproc)
in_sources='cd /src && export PYTHONDONTWRITEBYTECODE=1 &&'
enter || fail 'could not mount what the root needs'
began=$SECONDS
inside /src/.ci/install.sh build demo test >"$folder/install.log" 2>&1 || {
    tail -n 5 "$folder/install.log"
    fail "its packages could not be installed: see $folder/install.log"
}
echo "packages in $((SECONDS - began)) s; $(inside openssl version)"
inside bash -c "$in_sources scons -Q -j$jobs BUILDDIR=/build all test-programs" >"$folder/build.log" 2>&1 || {
    tail -n 30 "$folder/build.log"
    fail "actpass could not be built: see $folder/build.log"
}
echo "built after $((SECONDS - began)) s"
[ -z "${TRIXIE_PREPARE:-}" ] || exit 0

run() { # NAME COMMAND
    inside unshare --net bash -c "ip link set lo up && $in_sources $2" >"$folder/$1.log" 2>&1
}

# Prints what a run of tests said, skipped tests with their reasons, and adds its closing line to the
# sums. No closing line is a failure.
passed=0 failed=0 skipped=0
add() { # NAME
    local log=$folder/$1.log line more_passed more_failed more_skipped
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    grep -vE '^(ok |CC |LINK |Checking )' "$log"
    read -r more_passed _ more_failed _ more_skipped _ <<<"${line:-0 passed, 1 failed}"
    passed=$((passed + more_passed)) failed=$((failed + more_failed))
    skipped=$((skipped + more_skipped))
    echo "$1: ${line:-no closing line} after $((SECONDS - began)) s"
}

# Side by side: both mostly wait, and each has a network of its own. The end-to-end tests of thousands of connections say
# nothing about another OpenSSL, and stage e2e has them.
tests=$*
if [ $# -eq 0 ]; then
    tests=$(cd tests/e2e && ls test_*.py | grep -vE 'test_(many|scale|attack_limits)' | tr '\n' ' ' | sed 's/\.py//g')
    run unit "scons -Q BUILDDIR=/build test" &
fi
run e2e "tests/e2e/run.py --again --program /build/release/actpass --jobs $((3 * jobs)) $tests"
wait
[ $# -gt 0 ] || add unit
add e2e
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
