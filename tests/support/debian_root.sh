# Sourced by the scripts that build and test in another Debian. The caller sets `folder`, where all
# of it lies; the root is $folder/root, what is built there $folder/build. Needs root.
root=$folder/root

fail() { # WHY
    echo "FAIL $(basename "$0" .sh): $1"
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
}

# Without security and updates suites: the first archive in apt's sources that has a suite of
# Debian.
mirror() {
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        awk -v suite="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" \
            '$2 == suite { print $1; exit }'
}

# Makes the root, if it is not there. Under another name until it is whole, so that half a root is
# not taken for one.
make_root() { # SUITE [OPTION of debootstrap...]
    local from suite=$1
    shift
    [ "$(id -u)" -eq 0 ] || fail 'only root can make and enter another Debian'
    command -v debootstrap >/dev/null || fail 'debootstrap is not installed (.ci/install.sh trixie)'
    [ ! -d "$root" ] || return 0
    from=$(mirror)
    [ -n "$from" ] || fail 'apt has no Debian mirror; see /etc/apt/sources.list.d'
    rm -rf "$root.new"
    debootstrap --variant=minbase "$@" "$suite" "$root.new" "$from" \
        >"$folder/debootstrap.log" 2>&1 || {
        tail -n 5 "$folder/debootstrap.log"
        fail "debootstrap could not make the root: see $folder/debootstrap.log"
    }
    mv "$root.new" "$root"
}

# Goes on with a script in mount and process namespaces of its own: whatever way it ends, its mounts
# and its processes go with it.
in_namespaces() { # COMMAND...
    exec unshare --mount --pid --fork --kill-child "$@"
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

inside() { # COMMAND...
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        PYTHONDONTWRITEBYTECODE=1 "$@"
}

# Runs a command inside; its output is shown only if it fails.
step() { # NAME COMMAND...
    local log=$folder/$1.log
    shift
    inside "$@" >"$log" 2>&1 && return 0
    tail -n 30 "$log"
    fail "see $log"
}
