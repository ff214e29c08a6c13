#!/usr/bin/env bash
# Does what server/install/Containerfile says, without a registry and without podman:
# containerfile.sh FOLDER
# Each FROM begins with an overlay of FOLDER/root, a Debian 12 by debootstrap (used again when it is
# there), of which nothing stays. Then the image's program must run as the image's user. Needs root, and
# takes some minutes. The last line is `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ $# -eq 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | head -n -1; exit 2; }
mkdir -p "$1" || exit 1
folder=$(cd "$1" && pwd)
. tests/support/debian_root.sh
if [ "${CONTAINERFILE_INSIDE:-}" != yes ]; then
    make_root bookworm
    export CONTAINERFILE_INSIDE=yes
    in_namespaces "$0" "$folder"
fi
debian=$root stages=0 workdir=/ user=root entrypoint=
declare -A names
work=$folder/stages
rm -rf "$work" && mkdir -p "$work" && mount -t tmpfs -o mode=755 tmpfs "$work" || fail 'no room'

# IMAGE [AS NAME]
do_from() {
    stages=$((stages + 1)) workdir=/
    root=$work/$stages
    mkdir -p "$root" "$root.upper" "$root.work"
    mount -t overlay overlay -o "lowerdir=$debian,upperdir=$root.upper,workdir=$root.work" "$root" &&
        enter && umount "$root/src" "$root/build" || fail "the stage $stages cannot be made"
    names[${3:-$stages}]=$root
}

do_workdir() { workdir=$1; }
do_user() { user=$1; }
do_entrypoint() { entrypoint=$(tr -d '[]"' <<<"$*"); }

# [--from=NAME] SOURCE... TARGET
do_copy() {
    local from=. source target=${*: -1}
    if [[ $1 = --from=* ]]; then
        from=${names[${1#--from=}]}
        shift
    fi
    [[ $target = /* ]] || target=$workdir/$target
    set -- "${@:1:$#-1}"
    if [ -d "$from/$1" ]; then # its content
        mkdir -p "$root$target" && cp -a "$from/$1/." "$root$target"
        return
    fi
    for source in "$@"; do
        # shellcheck disable=SC2086 # a pattern
        mkdir -p "$root$target" && cp -a $from/$source "$root$target/" || return
    done
}

do_run() {
    step "run-$stages" sh -c "cd $workdir && DEBIAN_FRONTEND=noninteractive && export DEBIAN_FRONTEND && $*"
}

while read -r instruction words; do
    echo "$instruction $words" | cut -c 1-100
    case $instruction in
    RUN) do_run "$words" ;;
    FROM | COPY | WORKDIR | USER | ENTRYPOINT)
        # shellcheck disable=SC2086 # words
        set -f -- $words
        set +f
        "do_${instruction,,}" "$@" || fail "$instruction $words"
        ;;
    ARG | CMD) ;;
    *) fail "unknown instruction $instruction" ;;
    esac
done < <(sed -e '/^#/d' -e '/^$/d' -e ':more; /\\$/ { N; s/\\\n//; b more }' server/install/Containerfile)

version=$(chroot --userspec="$user" "$root" "$entrypoint" --version) || fail 'the program does not run'
id=$(chroot --userspec="$user" "$root" id -un)
[ "$id" = actpass ] && [[ $version = actpass\ * ]] || fail "it is run by $id and says $version"
echo "$version"
[ ! -e "$root/usr/bin/gcc" ] && [ ! -e "$root/usr/bin/systemctl" ] || fail 'the image has more than it needs'
echo "ok   an image of $(du -sm "$root.upper" | cut -f 1) MiB above Debian's"
echo '1 passed, 0 failed'
