#!/usr/bin/env bash
# Runs end-to-end tests under a Linux kernel of their own: own_kernel.sh TEST...
#   tests/support/own_kernel.sh test_scale
# There they may raise every limit, as in a machine of their own: descriptors above all, which
# containers often limit. The kernel is a process (User Mode Linux, the Debian package
# user-mode-linux) on top of this machine's files, which it cannot write; it has one processor, and
# each system call costs some microseconds more. Needs root, since vm.max_map_count is raised while
# it runs, MEMORY (default 12G) of free memory, and what was built in BUILDDIR (default build).
# The last line is `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | head -n -1; exit 2; }

if [ "${1:-}" = --inside ]; then
    shift
    mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t tmpfs tmp /tmp && mount -t tmpfs run /run &&
        mkdir -p /dev/shm /dev/pts && mount -t tmpfs shm /dev/shm && mount -t devpts pts /dev/pts &&
        ip link set lo up && python3 tests/e2e/run.py "$@"
    /usr/bin/busybox poweroff -f
fi

for program in linux.uml busybox; do
    command -v "$program" >/dev/null || { echo "no $program: .ci/install.sh kernel"; exit 1; }
done
[ -w /proc/sys/vm/max_map_count ] || { echo 'own_kernel.sh needs root: it raises vm.max_map_count'; exit 1; }

maps=$(cat /proc/sys/vm/max_map_count)
work=$(mktemp -d "$PWD/${BUILDDIR:-build}/own_kernel.XXXXXX") || exit 1
trap 'echo "$maps" >/proc/sys/vm/max_map_count; rm -rf "$work"' EXIT
echo 4000000 >/proc/sys/vm/max_map_count # each page of a process is a mapping

# The kernel has no arguments for init that may hold blanks or quotes, so a script has them.
{
    printf '#!/bin/bash\nexport PATH=%q HOME=/tmp ACTPASS_SOAK=1\n' "$PATH"
    printf 'cd %q && exec tests/support/own_kernel.sh --inside --program %q --verbose' "$PWD" "${BUILDDIR:-build}/release/actpass"
    printf ' %q' "$@"
    echo
} >"$work/init"
chmod +x "$work/init"
TMPDIR=/dev/shm linux.uml rootfstype=hostfs rootflags=/ ro mem="${MEMORY:-12G}" init="$work/init" audit=0 \
    con=null con0=null,fd:1 >"$work/console" 2>&1 </dev/null
sed -n '/ as init process/,$p' "$work/console" | grep -v -e 'as init process' -e '^reboot: '
grep -qE '^[1-9][0-9]* passed, 0 failed' "$work/console"
