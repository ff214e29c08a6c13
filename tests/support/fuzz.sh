#!/usr/bin/env bash
# Runs each fuzzer of variant fuzz for some seconds: fuzz.sh BUILD SECONDS
# Inputs to start from lie in tests/fuzz/corpus/NAME/ where a fuzzer has some; what it finds is
# kept in BUILD/fuzz/. A smoke test: a crash found is a failure, nothing found proves little.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1 seconds=$2
passed=0 failed=0
for source in tests/fuzz/fuzz_*.c; do
    [ -e "$source" ] || continue
    name=$(basename "$source" .c)
    work=$build/fuzz/$name.corpus
    mkdir -p "$work"
    corpus=("$work")
    [ -d "tests/fuzz/corpus/$name" ] && corpus+=("tests/fuzz/corpus/$name")
    log=$build/fuzz/$name.log
    if "$build/fuzz/$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        -artifact_prefix="$build/fuzz/$name." "${corpus[@]}" >"$log" 2>&1 &&
        runs=$(sed -nE 's/^Done ([0-9]+) runs.*/\1/p' "$log") && [ "${runs:-0}" -gt 0 ]; then
        echo "ok   $name: $runs inputs"
        passed=$((passed + 1))
    else
        echo "FAIL $name: see $log"
        tail -n 40 "$log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
