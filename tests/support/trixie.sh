#!/usr/bin/env bash
# Builds actpass in a Debian 13 root, and runs those unit and end-to-end tests there that another
# OpenSSL, C library or compiler could change:
# trixie.sh [--prepare] FOLDER [PATTERN...]
# With --prepare everything is installed and built, and nothing is run.
# FOLDER/root is made by debootstrap from the Debian mirror of this machine's apt, and used again
# when it is there. With patterns only the end-to-end tests that they name are run. Needs root. The
# tests have a network of their own with nothing but loopback. The last line is
# `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ "$1" = --prepare ]; then
    export TRIXIE_PREPARE=yes
    shift
fi
mkdir -p "$1" || exit 1
folder=$(cd "$1" && pwd)
shift
. tests/support/debian_root.sh

if [ "${TRIXIE_INSIDE:-}" != yes ]; then
    make_root trixie
    export TRIXIE_INSIDE=yes
    in_namespaces "$0" "$folder" "$@"
fi

jobs=$(nproc)
# The unit tests of what stands on OpenSSL, the C library or, in the sandbox, its system calls.
units=conn,context,sessions,served,verify,key,peer,crl,alpn,bio,hello,sandbox,seccomp
enter || fail 'could not mount what the root needs'
began=$SECONDS
step install /src/.ci/install.sh build demo test
echo "packages in $((SECONDS - began)) s; $(inside openssl version)"
step build bash -c "cd /src && scons -Q -j$jobs BUILDDIR=/build CFLAGS=-g0 TESTS=$units all unit-programs"
echo "built after $((SECONDS - began)) s"
[ -z "${TRIXIE_PREPARE:-}" ] || exit 0

run() { # NAME COMMAND
    inside unshare --net bash -c "ip link set lo up && cd /src && $2" >"$folder/$1.log" 2>&1
}

# Prints what a run of tests said, skipped tests with their reasons, and adds its closing line to
# the sums. No closing line is a failure.
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

# Side by side: both mostly wait, and each has a network of its own. Tests of thousands of
# connections, of torture, of the example proxy, of the page in a browser, of limits and of dialing
# say nothing about another OpenSSL, nor does much data.
tests=$*
if [ $# -eq 0 ]; then
    without='many|scale|attack_limits|proxy|admin_page|memory|shortage|resolving|limits|private_files'
    without="$without|dialing|persistent|fast_open|simultaneous_open|upgrade|refresh"
    tests=$(cd tests/e2e && ls test_*.py | grep -vE "test_($without)" | sed 's/py$//' | tr '\n' ' ')
    run unit "scons -Q BUILDDIR=/build CFLAGS=-g0 TESTS=$units unit" &
fi
run e2e "${ACTPASS_ONLY:+ACTPASS_ONLY='$ACTPASS_ONLY'} ACTPASS_SHARE=2 ACTPASS_BULK_MIB=16 tests/e2e/run.py --again --program /build/release/actpass \
    --jobs $((3 * jobs)) $tests"
wait
[ $# -gt 0 ] || add unit
add e2e
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
