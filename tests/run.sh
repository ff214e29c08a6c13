#!/usr/bin/env bash
# Builds actpass and runs its tests: tests/run.sh [--full | --quick] [STAGE...]
#
# Without arguments: installs the packages that are missing (.ci/packages.txt), then runs what a user
# can rely on, within 10 minutes on two idle processors.
#   --full    all stages, within 30 minutes; this is what .ci/run calls
#   --quick   lint, selftest and unit only
#   STAGE...  only these, of: lint selftest unit e2e asan install quickstart, which are the default, and
#             tsan e2e_asan e2e_tsan helgrind fuzz coverage interop trixie
# A failing stage does not stop the others. The last line is `N passed, N failed` over all stages; the
# line `flaky: N (NAMES)` before it names the tests that failed once and passed when run again, and
# `skipped: N (STAGE:N...)` counts those that could not run, whose reasons their stages show. The
# status is 0 only when something passed, nothing failed and every stage asked for has run.
#
# BUILDDIR=FOLDER puts what is built elsewhere than build/; ACTPASS_NO_INSTALL=1 installs nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
self=tests/run.sh
export BUILDDIR=${BUILDDIR:-build}
jobs=$(nproc 2>/dev/null || echo 2)

quick_stages=(lint selftest unit)
default_stages=("${quick_stages[@]}" e2e asan install quickstart)
full_stages=("${default_stages[@]}" tsan e2e_asan e2e_tsan helgrind fuzz coverage interop trixie)

# The seconds that a stage takes on two idle processors. It is killed after four times as many.
declare -A usual=([lint]=120 [selftest]=35 [unit]=60 [e2e]=200 [asan]=120 [install]=15 [quickstart]=25
    [tsan]=160 [e2e_asan]=200 [e2e_tsan]=240 [helgrind]=80 [fuzz]=110 [coverage]=220 [interop]=90
    [trixie]=600)

# ---- The stages: each ends with a line `N passed, N failed` -----------------------------------

build() { # VARIANT TARGET...
    local variant=$1
    shift
    scons -Q -j"$jobs" BUILDDIR="$BUILDDIR" variant="$variant" "$@"
}

stage_lint() { build release check; }
stage_selftest() { /usr/bin/env python3 -u tests/support/selftest.py; }
stage_unit() { build release test; }
stage_asan() { build asan test; }
stage_tsan() { build tsan test; }
stage_helgrind() {
    build debug actpass-program "$BUILDDIR/debug/tests/torture/test_relay_rings" &&
        tests/support/helgrind.sh "$BUILDDIR/debug"
}
stage_install() { build release all && tests/support/test_install.sh; }
stage_e2e() { # thrice the processors: these tests mostly wait
    build release all &&
        tests/e2e/run.py --again --program "$BUILDDIR/release/actpass" --jobs $((3 * jobs))
}
e2e_sanitized() { # VARIANT: without thousands of connections (speed), and what needs LD_PRELOAD before the sanitizer
    local tests
    mapfile -t tests < <(cd tests/e2e && ls test_*.py | grep -vE 'test_(many|scale|memory|shortage|resolving|attack_limits)')
    build "$1" all &&
        tests/support/e2e_sanitized.py "$BUILDDIR/$1" $((3 * jobs)) "${tests[@]%.py}"
}
stage_e2e_asan() { e2e_sanitized asan; }
stage_e2e_tsan() { e2e_sanitized tsan; }
stage_fuzz() { build fuzz fuzz && tests/support/fuzz.sh "$BUILDDIR/fuzz" 10; }
stage_coverage() { build coverage all test-programs && tests/support/coverage.sh "$BUILDDIR/coverage"; }
stage_quickstart() { examples/quickstart.sh && echo '1 passed, 0 failed'; }
stage_interop() {
    build release all interop-programs &&
        tests/interop/run.py --again --program "$BUILDDIR/release/actpass" --jobs $((3 * jobs))
}
stage_trixie() { tests/support/trixie.sh "$BUILDDIR/trixie"; }

# ---- The run ----------------------------------------------------------------------------------

is_in() { # WORD LIST...
    local word=$1 other
    shift
    for other in "$@"; do
        [ "$word" = "$other" ] && return 0
    done
    return 1
}

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$self"
}

stages=()
while [ $# -gt 0 ]; do
    case $1 in
    --full) stages+=("${full_stages[@]}") ;;
    --quick) stages+=("${quick_stages[@]}") ;;
    --stage) # inner use: one stage in this process, under `timeout`
        "stage_$2"
        exit
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        if ! is_in "$1" "${full_stages[@]}"; then
            echo "$self: there is no stage $1; stages are: ${full_stages[*]}" >&2
            exit 2
        fi
        stages+=("$1")
        ;;
    esac
    shift
done
[ ${#stages[@]} -gt 0 ] || stages=("${default_stages[@]}")

# Without them the stages that need them fail, each by name; the others still run.
sections=(build demo test)
for stage in interop trixie; do # these have packages of their own
    ! is_in "$stage" "${stages[@]}" || sections+=("$stage")
done
if [ -z "${ACTPASS_NO_INSTALL:-}" ]; then
    .ci/install.sh "${sections[@]}" || echo "$self: going on with what is installed" >&2
fi

logs=$BUILDDIR/logs
mkdir -p "$logs" || exit 1
passed=0 failed=0 skipped=0 ran=0 flaky=() skips=() child=
# `timeout` has a process group of its own, which a Ctrl-C at the terminal does not reach.
trap 'kill "$child" 2>/dev/null; exit 130' INT TERM

# Sets stage_passed, stage_failed, stage_skipped, stage_flaky and why from the status and the log of a stage.
judge() { # STATUS LOG
    local line
    why= stage_skipped=0
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$2" | tail -n 1)
    if [ -n "$line" ]; then
        read -r stage_passed _ stage_failed _ stage_skipped _ <<<"$line"
        stage_skipped=${stage_skipped:-0}
    else
        stage_passed=0 stage_failed=0 why='no closing line'
    fi
    case $1 in
    0) ;;
    124 | 137) why='timed out' ;;
    *) [ "$stage_failed" -gt 0 ] || why=${why:-"ended with status $1"} ;;
    esac
    if [ $((stage_passed + stage_failed)) -eq 0 ]; then
        why=${why:-'ran no test'}
    fi
    [ -z "$why" ] || stage_failed=$((stage_failed + 1))
    read -ra stage_flaky < <(sed -nE 's/^flaky: [0-9]+ \((.*)\)$/\1/p' "$2" | tail -n 1)
}

# The usual seconds of the stages from the one with this index on.
usual_from() { # INDEX
    local stage sum=0
    for stage in "${stages[@]:$1}"; do
        sum=$((sum + usual[$stage]))
    done
    echo "$sum"
}

# On a terminal: keeps one line about the running stage up to date.
show_progress() { # NAME BEGAN
    local spent left rest
    rest=$(usual_from $((ran + 1)))
    while kill -0 "$child" 2>/dev/null; do
        spent=$((SECONDS - $2))
        left=$((usual[$1] > spent ? usual[$1] - spent : 0))
        printf '\r\033[K     %s for %d s; about %d s left' "$1" "$spent" $((left + rest))
        sleep 0.5
    done
    printf '\r\033[K'
}

run_stage() { # NAME
    local log=$logs/$1.log began=$SECONDS
    echo "==== $1: stage $((ran + 1)) of ${#stages[@]}"
    timeout -k 15 $((4 * usual[$1])) "$self" --stage "$1" >"$log" 2>&1 </dev/null &
    child=$!
    [ ! -t 1 ] || show_progress "$1" "$began"
    wait "$child"
    judge $? "$log"
    # Indented, so that only one line of all is the closing line.
    grep -vE '^(CC|AR|LINK|GEN|LN|DB) +|^Checking for ' "$log" | sed 's/^/    /'
    printf '==== %s: %d passed, %d failed, %d flaky in %d s%s\n\n' "$1" "$stage_passed" \
        "$stage_failed" ${#stage_flaky[@]} $((SECONDS - began)) "${why:+ ($why)}"
    passed=$((passed + stage_passed))
    failed=$((failed + stage_failed))
    skipped=$((skipped + stage_skipped))
    [ "$stage_skipped" -eq 0 ] || skips+=("$1:$stage_skipped")
    flaky+=("${stage_flaky[@]/#/$1:}")
    ran=$((ran + 1))
}

for stage in "${stages[@]}"; do
    run_stage "$stage"
done
if [ "$ran" -ne ${#stages[@]} ]; then
    failed=$((failed + 1))
fi
echo "in $SECONDS s"
[ "$skipped" -eq 0 ] || echo "skipped: $skipped (${skips[*]})"
[ ${#flaky[@]} -eq 0 ] || echo "flaky: ${#flaky[@]} (${flaky[*]})"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
