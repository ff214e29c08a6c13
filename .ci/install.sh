#!/usr/bin/env bash
# Installs the packages of the named sections of packages.txt that are missing:
# install.sh build test
# Does nothing, and asks for nothing, when all are there. Where one cannot be installed the others
# still are; each that failed is named, and the status is 1.
set -u

cd "$(dirname "$0")" || exit 1
if [ $# -eq 0 ]; then
    sections=$(grep -o '^\[.*\]' packages.txt | tr -d '[]' | xargs)
    echo "usage: .ci/install.sh SECTION... (sections: $sections)" >&2
    exit 2
fi

# One package a line; alternatives have a | and no blanks between them.
packages_of() { # SECTION
    awk -v wanted="[$1]" '/^\[/ { inside = ($0 == wanted); next }
        inside && NF && !/^#/ { gsub(/[ \t]/, ""); print }' packages.txt
}

installed() { # PACKAGE
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

wanted=()
for section in "$@"; do
    mapfile -t more < <(packages_of "$section")
    if [ ${#more[@]} -eq 0 ]; then
        echo ".ci/install.sh: packages.txt has no section [$section]" >&2
        exit 2
    fi
    wanted+=("${more[@]}")
done

if ! command -v dpkg-query >/dev/null; then
    echo ".ci/install.sh: this is not Debian or Ubuntu; install what these packages hold, then" >&2
    echo "set ACTPASS_NO_INSTALL=1: ${wanted[*]}" >&2
    [ -n "${ACTPASS_NO_INSTALL:-}" ]
    exit
fi

known() { # PACKAGE: can apt install it?
    apt-cache show --no-all-versions "$1" 2>/dev/null | grep -q '^Package:'
}

# Is one of the alternatives installed?
any_installed() { # ALTERNATIVES
    local package
    for package in ${1//|/ }; do
        ! installed "$package" || return 0
    done
    return 1
}

# The first alternative that apt knows, or else the first. Where there is no choice apt is not asked,
# since each question takes it more than a second.
choose() { # ALTERNATIVES
    local package
    [[ $1 = *'|'* ]] || { echo "$1"; return; }
    for package in ${1//|/ }; do
        ! known "$package" || { echo "$package"; return; }
    done
    echo "${1%%|*}"
}

missing=()
for package in "${wanted[@]}"; do
    any_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
    # Asks for a password only where somebody is there to give it.
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        root=(sudo)
    else
        echo ".ci/install.sh: please run as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

# A freshly installed nginx or redis must not be started as a service of this machine.
policy=/usr/sbin/policy-rc.d
remove_policy() { "${root[@]}" rm -f "$policy"; }
if [ ! -e "$policy" ]; then
    trap remove_policy EXIT
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
fi

apt() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" </dev/null
}

install() { # ALTERNATIVES...
    local package chosen=()
    for package in "$@"; do
        chosen+=("$(choose "$package")")
    done
    apt install --no-install-recommends "${chosen[@]}"
}

echo "installing: ${missing[*]}"
# The lists of packages are fetched only when what is known does not do.
install "${missing[@]}" && exit
apt update
install "${missing[@]}" && exit
failed=()
for package in "${missing[@]}"; do
    install "$package" || failed+=("$package")
done
[ ${#failed[@]} -gt 0 ] || exit 0
echo ".ci/install.sh: could not install: ${failed[*]}" >&2
exit 1
