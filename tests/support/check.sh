# Sourced by the scripts that test what is built by running commands. The caller sets `work`, a
# folder for the output.
passed=0 failed=0

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        echo "ok   $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name: $*"
        tail -n 30 "$work/output"
        failed=$((failed + 1))
    fi
}

# Fails if users of a library can see other names than those of actpass.h. The name of a version
# (type A) is none of them.
only_public_names() { # FILE [OPTION of nm]
    local file=$1 others
    shift
    others=$(nm -g --defined-only "$@" "$file" | awk 'NF == 3 && $2 != "A" && $3 !~ /^actpass_/ { print $3 }')
    [ -z "$others" ] || { echo "other names: $others"; return 1; }
    [ "$(nm -g --defined-only "$@" "$file" | grep -c ' T actpass_')" -ge 10 ]
}
