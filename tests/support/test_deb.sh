#!/usr/bin/env bash
# Builds the Debian packages, and tests them in a Debian where there is nothing but systemd:
# test_deb.sh [SUITE...]
# In each suite (bookworm, trixie; default: that of this machine) they are installed, configured,
# started, reloaded, upgraded, removed and purged, and no file must be left behind. For the suite of
# this machine they are also checked by lintian, and the quickstart shows the installed program.
#
# Roots are made by debootstrap from the Debian mirror of this machine's apt, and used again when
# they are there: BUILDDIR/empty/SUITE, and, to build for another suite, BUILDDIR/SUITE, which
# trixie.sh has as well. Needs root. The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
self=tests/support/test_deb.sh
builddir=${BUILDDIR:-build}
# Packages of debug symbols would take as long as the compiler, and are not tested.
export DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS:-noautodbgsym}
names=(actpass libactpass0 libactpass-dev)

# ---- In the booted root -----------------------------------------------------------------------

# All files but those of the tests, and what apt, dpkg and systemd keep for themselves.
list_files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /out \
        -o -path /src -o -path /debs -o -path /var/cache -o -path /var/log -o -path /var/lib/apt \
        -o -path /var/lib/systemd -o -path '/var/lib/dpkg/*-old' -o -path '/etc/*-' \) -prune -o -print |
        LC_ALL=C sort
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@" </dev/null
}

main_pid() { # UNIT
    systemctl show --property=MainPID --value "$1"
}

is_running() { # UNIT
    systemctl --quiet is-active "$1" && [ "$(main_pid "$1")" -gt 0 ]
}

# With Type=notify-reload, `systemctl reload` ends when actpass has reloaded.
unit_fits_systemd() {
    local type=notify version
    version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    [ "$version" -lt 253 ] || type=notify-reload
    [ "$(systemctl show --property=Type --value actpass.service)" = "$type" ] &&
        systemd-analyze verify --man=no actpass.service actpass@front.service &&
        systemd-analyze security --threshold=15 actpass.service
}

# The same version, which is configured as an upgrade is.
upgrade_restarts_what_runs() {
    local unit before=()
    for unit in actpass.service actpass@other.service; do
        before+=("$(main_pid "$unit")")
    done
    apt install --reinstall /debs/actpass_*.deb || return
    for unit in actpass.service actpass@other.service; do
        is_running "$unit" && [ "$(main_pid "$unit")" != "${before[0]}" ] || return
        before=("${before[@]:1}")
    done
}

remove_keeps_configuration() {
    apt remove "${names[@]}" && ! is_running actpass.service && ! is_running actpass@other.service &&
        grep -q '"4s"' /etc/actpass/actpass.json && [ -s /etc/actpass/private/key.pem ] &&
        [ ! -e /usr/bin/actpass ]
}

# Only what the administrator has made. Libraries that other packages merely recommend or suggest
# go as well, as some of those that libmicrohttpd brings are by systemd of Debian 13.
purge_leaves_nothing() {
    printf '/etc/actpass%s\n' '' /ca.pem /certificate.pem /other.json /private /private/key.pem |
        LC_ALL=C sort "$work/before" - >"$work/expected"
    apt purge actpass openssl &&
        apt autoremove --purge -o APT::AutoRemove::RecommendsImportant=false \
            -o APT::AutoRemove::SuggestsImportant=false || return
    list_files >"$work/after"
    diff "$work/expected" "$work/after"
}

if [ "${1:-}" = --inside ]; then
    work=/out
    . tests/support/check.sh
    list_files >"$work/before"
    check 'they are installed' apt install /debs/*.deb openssl
    check 'start and reload' server/install/debian/tests/service
    check 'the unit fits this systemd' unit_fits_systemd
    check 'an upgrade restarts what runs' upgrade_restarts_what_runs
    check 'they are removed' remove_keeps_configuration
    check 'a purge leaves nothing' purge_leaves_nothing
    [ "$failed" -eq 0 ] || journalctl --no-pager --unit='actpass*' | tail -n 40
    echo "$passed passed, $failed failed"
    exit
fi

if [ "${1:-}" = --quickstart ]; then
    work=/out
    . tests/support/check.sh
    check 'they are installed' dpkg --install /debs/*.deb
    check 'the quickstart' server/install/debian/tests/quickstart
    echo "$passed passed, $failed failed"
    exit
fi

# ---- Outside ----------------------------------------------------------------------------------

# In a root with compilers; into BUILDDIR/SUITE/build/deb.
if [ "${1:-}" = --build-in-root ]; then
    suite=$2 folder=$builddir/$2
    mkdir -p "$folder" && folder=$(cd "$folder" && pwd) || exit
    . tests/support/debian_root.sh
    make_root "$suite" && enter || fail 'could not enter the root'
    step install /src/.ci/install.sh build
    step debhelper apt-get -q -y install --no-install-recommends build-essential debhelper \
        systemd-dev
    step deb bash -c "cd /src && scons -Q -j$(nproc) BUILDDIR=/build deb"
    exit
fi

# So that the booted root needs no network. Its lists of packages are as old as the root, or newer.
if [ "${1:-}" = --download ]; then
    suite=$2 folder=$builddir/empty/$2
    mkdir -p "$folder" && folder=$(cd "$folder" && pwd) || exit
    . tests/support/debian_root.sh
    make_root "$suite" --include=systemd-sysv && enter || fail 'could not enter the root'
    mkdir -p "$root/debs" && mount --bind "$3" "$root/debs" || fail 'could not show it the packages'
    inside bash -c 'get() { apt-get -q -y --no-install-recommends --download-only install /debs/*.deb openssl; }
        get || { apt-get -q update && get; }' >"$folder/download.log" 2>&1 || fail "see $folder/download.log"
    exit
fi

here=$(. /etc/os-release && echo "$VERSION_CODENAME")
[ $# -gt 0 ] || set -- "$here"
[ "$(id -u)" -eq 0 ] || { echo "$self: only root can boot another Debian" >&2; exit 1; }
if [ "${IN_NAMESPACE:-}" != yes ]; then
    IN_NAMESPACE=yes exec unshare --mount "$self" "$@"
fi
. tests/support/check.sh
. tests/support/booted.sh
work=$(mktemp -d) || exit 1
trap 'leave_booted; rm -rf "$work"' EXIT

build() { # SUITE: the packages, without those of debug symbols, into $work/debs
    local made=$builddir/deb name
    if [ "$1" = "$here" ]; then
        scons -Q -j"$(nproc)" BUILDDIR="$builddir" deb || return
    else
        made=$builddir/$1/build/deb
        unshare --mount --pid --fork --kill-child "$self" --build-in-root "$1" || return
    fi
    rm -rf "$work/debs" && mkdir "$work/debs" || return
    for name in "${names[@]}"; do
        cp "$made/$name"_*.deb "$work/debs" || return
    done
}

lint() {
    lintian --allow-root --tag-display-limit 0 --display-info --fail-on error,warning,info "$builddir/deb/"*.changes
}

# As autopkgtest would, in a copy of this machine, which has a compiler and curl.
quickstart() {
    boot / "/src/$self --quickstart" --bind-ro="$work/debs:/debs"
}

in_empty_root() { # SUITE
    unshare --mount --pid --fork --kill-child "$self" --download "$1" "$work/debs" &&
        boot "$builddir/empty/$1/root" "/src/$self --inside" --bind-ro="$work/debs:/debs"
}

for suite in "$@"; do
    check "$suite: scons deb" build "$suite"
    [ "$failed" -eq 0 ] || break
    if [ "$suite" = "$here" ]; then
        check "$suite: lintian" lint
        check "$suite: the quickstart with the installed packages" quickstart
    fi
    check "$suite: from installation to purge" in_empty_root "$suite"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
