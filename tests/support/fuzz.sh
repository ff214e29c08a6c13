#!/usr/bin/env bash
# Runs each fuzzer of variant fuzz for some seconds: fuzz.sh BUILD SECONDS
# Inputs to start from lie in tests/fuzz/corpus/NAME/ where a fuzzer has some; what it finds is
# kept in BUILD/fuzz/. A smoke test: a crash found is a failure, nothing found proves little.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1 seconds=$2

fuzz() { # NAME
    local name=$1 work=$build/fuzz/$1.corpus log=$build/fuzz/$1.log corpus runs
    mkdir -p "$work"
    corpus=("$work")
    [ -d "tests/fuzz/corpus/$name" ] && corpus+=("tests/fuzz/corpus/$name")
    if "$build/fuzz/$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        -artifact_prefix="$build/fuzz/$name." "${corpus[@]}" >"$log" 2>&1 &&
        runs=$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p' "$log") && [ "${runs:-0}" -gt 0 ]; then
        echo "ok   $name: $runs inputs"
    else
        echo "FAIL $name: see $log"
        tail -n 40 "$log"
    fi
}

# Each takes one processor.
export -f fuzz
export build seconds
said=$(printf '%s\n' tests/fuzz/fuzz_*.c |
    xargs -P "$(nproc)" -I {} bash -c 'text=$(fuzz "$(basename {} .c)"); echo "$text"')
echo "$said"
passed=$(grep -c '^ok   fuzz_' <<<"$said")
failed=$(grep -c '^FAIL fuzz_' <<<"$said")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
