#!/usr/bin/env bash
# Builds actpass and runs its tests: tests/run.sh [--full | --quick] [STAGE...]
#
# Without arguments: installs the packages that are missing (.ci/packages.txt), then runs what a
# user can rely on, within 10 minutes on two idle processors.
#   --full    all stages, within 30 minutes; this is what .ci/run calls
#   --quick   lint, selftest and unit only
#   STAGE...  only these, of: selftest unit asan e2e install quickstart lint, which are the default,
#             and asan_torture e2e_asan tsan e2e_proxy interop abi soak systemd fleet
#             deb e2e_tsan trixie coverage helgrind fuzz builds scale counts
#
# Most tests wait more than they compute. So that the processors are not idle meanwhile, two stages
# run at a time: the first in the list and the next one with another build, since two runs of scons
# in one folder disturb each other; and a third one where one of them hardly computes. Stages that
# measure run alone, after the others. And everything is built ahead, in the background, at idle
# priority: it takes only what the stages leave. The stage lint computes only, so it runs there as
# well, and is shown at the end. A stage is shown when it has ended, with its seconds and those of
# the processors that it took.
#
# What fails is run once more by its stage, and what fails then, few tests without a report of a
# sanitizer, a last time at the end, when nothing else runs: these machines are shared.
#
# A failing stage does not stop the others, and is shown once more, in short, at the end. The last
# line is `N passed, N failed` over all stages; the line `flaky: N (NAMES)` before it names the tests
# that failed and passed when run again, and `skipped: N (STAGE:N...)` counts those that could not
# run, whose reasons their stages show.
# The status is 0 only when something passed, nothing failed and every stage asked for has run.
#
# BUILDDIR=FOLDER puts what is built elsewhere than build/; ACTPASS_NO_INSTALL=1 installs nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
self=tests/run.sh
export BUILDDIR=${BUILDDIR:-build}
logs=$BUILDDIR/logs ahead=$BUILDDIR/logs/ahead
jobs=$(nproc 2>/dev/null || echo 2)

quick_stages=(selftest unit lint)
default_stages=(selftest unit asan e2e install quickstart lint)
full_stages=(selftest unit asan e2e asan_torture e2e_asan tsan e2e_proxy interop
    install abi quickstart soak systemd deb fleet e2e_tsan trixie coverage helgrind fuzz builds lint scale
    counts)
alone=(scale counts) # their results depend on what else runs
light=(install abi quickstart soak systemd) # these wait most of the time, so one of them may be the third

# The build of the stages with AddressSanitizer: `coverage`, which counts lines as well, where the
# stage coverage follows.
export ASAN_BUILD=${ASAN_BUILD:-asan}

# The seconds that a stage takes on two idle processors, beside another one. It is killed after four
# times as many, but not before ten minutes: on a shared machine a short stage can take many times
# its usual time.
declare -A usual=([selftest]=60 [unit]=150 [asan]=150 [e2e]=240 [e2e_proxy]=40
    [install]=20 [abi]=15 [quickstart]=15 [systemd]=20 [lint]=60 [interop]=60 [asan_torture]=60
    [e2e_asan]=200 [tsan]=220 [e2e_tsan]=200 [soak]=75 [fleet]=60 [builds]=60 [helgrind]=90 [fuzz]=45
    [coverage]=20 [trixie]=200 [deb]=120 [scale]=60 [counts]=30)

# What is built ahead for a stage. Stages without an entry build what they need by themselves.
declare -A built=([unit]=release [e2e]=release [e2e_proxy]=release
    [install]=release [abi]=release [quickstart]=release [systemd]=release [lint]=lint
    [interop]=release [tsan]=tsan [e2e_tsan]=tsan [soak]=release [fleet]=release [helgrind]=release [fuzz]=fuzz
    [coverage]=coverage [trixie]=trixie [scale]=release [counts]=release
    [builds]=release) # and those with ASAN_BUILD, below
# In this order: lint takes long, and is not waited for before the end.
ahead_order=(release asan coverage tsan trixie fuzz lint)

# ---- The stages: each ends with a line `N passed, N failed` -----------------------------------

# Of what has been built ahead nothing is left to make, and scons takes seconds to see that.
build() { # VARIANT TARGET...
    local variant=$1
    shift
    [ "$*" != all ] || [ "$(cat "$ahead/$variant" 2>/dev/null)" != 0 ] || return 0
    scons -Q -j"$jobs" BUILDDIR="$BUILDDIR" variant="$variant" "$@"
}

stage_selftest() { /usr/bin/env python3 -u tests/support/selftest.py; }
# ACTPASS_ONLY=PROGRAMS: what is run a last time.
run_programs() { # VARIANT ALIAS
    local only runner=mini_criterion
    read -ra only <<<"${ACTPASS_ONLY:-}"
    [ ${#only[@]} -gt 0 ] || { build "$@"; return; }
    [ "$1" != release ] || runner=criterion
    /usr/bin/env python3 -u tests/support/run_tests.py --once --runner $runner \
        --logs "$BUILDDIR/$1/logs" "${only[@]}"
}
stage_unit() { run_programs release test; }
stage_asan() { run_programs "$ASAN_BUILD" unit; }
stage_asan_torture() { run_programs "$ASAN_BUILD" torture; }
stage_tsan() { run_programs tsan test; }
stage_helgrind() {
    build release all "$BUILDDIR/release/tests/brief/test_relay_rings" &&
        tests/support/helgrind.sh "$BUILDDIR/release"
}
stage_builds() { build release all && tests/support/test_builds.sh; }
stage_install() { build release all && tests/support/test_install.sh; }
stage_abi() {
    build release all && tests/support/abi.py --types "$BUILDDIR/release/libactpass.so.0"
}
# Names of the end-to-end tests without those that fit the pattern. With a dot, since `test_proxy`
# alone also means test_proxy_bulk.
e2e_names() { # PATTERN
    (cd tests/e2e && ls test_*.py | sed 's/py$//' | grep -vE "$1")
}
e2e() { # NAME...: thrice the processors, since these tests mostly wait
    build release all &&
        tests/e2e/run.py --again --program "$BUILDDIR/release/actpass" --jobs $((3 * jobs)) "$@"
}
stage_e2e() {
    local tests
    mapfile -t tests < <(e2e_names test_proxy_bulk)
    e2e "${tests[@]}"
}
stage_e2e_proxy() { ACTPASS_SHARE=2 e2e test_proxy_bulk; }
# With 30 000 connections.
stage_scale() { ACTPASS_SOAK=1 e2e test_scale; }
# Hundreds of devices, thousands of offers. Stage e2e has these tests with a few.
stage_fleet() {
    ACTPASS_FLEET=1 e2e test_fleet_churn test_fleet_load test_registry_fleet.CollectorGoes \
        test_many_devices_return
}
# A mixed load for a minute: memory, threads and descriptors stay as they are.
stage_soak() {
    build release actpass-program &&
        nice -n 5 tests/soak/soak.py --program "$BUILDDIR/release/actpass" --minutes 1
}
# Without thousands of connections and much data (speed), without what needs LD_PRELOAD before the
# sanitizer, and without the browser. test_messages starts the program a thousand times with bad
# configurations: unit/test_config_messages.c shows AddressSanitizer the same.
no_sanitizer='test_(many|scale|memory|shortage|resolving|attack_limits|proxy_bulk|admin_page|messages\.)'
# Those in which the program has one thread, or threads that share nothing new.
no_threads='test_(command_line|messages_library|messages_log|private_files|secrets|trust|policy)'
e2e_sanitized() { # VARIANT NAME...
    local tests=("${@:2}")
    build "$1" all &&
        tests/support/e2e_sanitized.py "$BUILDDIR/$1" $((3 * jobs)) "${tests[@]}"
}
# Each with another way in which connections wait (tests/README.md); e2e has the usual one. And with
# half, or a quarter, of the ways of each test: e2e has all.
stage_e2e_asan() {
    local tests
    mapfile -t tests < <(e2e_names "$no_sanitizer")
    ACTPASS_SHARE=2 ACTPASS_TEST_PARK=never e2e_sanitized "$ASAN_BUILD" "${tests[@]}"
}
stage_e2e_tsan() {
    local tests
    mapfile -t tests < <(e2e_names "$no_sanitizer|$no_threads")
    ACTPASS_SHARE=4 ACTPASS_TEST_PARK=always e2e_sanitized tsan "${tests[@]}"
}
stage_fuzz() { build fuzz fuzz && tests/support/fuzz.sh "$BUILDDIR/fuzz" 4; }
# The units, under a real systemd.
stage_systemd() { build release all && tests/support/real_systemd.sh; }
# Of what the stages with AddressSanitizer have run; by itself, of the unit tests and of the
# end-to-end tests of what these cannot reach.
stage_coverage() {
    if [ "$ASAN_BUILD" != coverage ]; then
        find "$BUILDDIR/coverage" -name '*.gcda' -delete 2>/dev/null
        build coverage unit && e2e_sanitized coverage "${only_end_to_end[@]}" || return
    fi
    tests/support/coverage.sh "$BUILDDIR/coverage"
}
only_end_to_end=(test_http test_command_line test_private_files test_redis test_hints
    test_fast_open)
stage_quickstart() { examples/quickstart.sh && echo '1 passed, 0 failed'; }
stage_interop() {
    build release all interop-programs &&
        tests/interop/run.py --again --program "$BUILDDIR/release/actpass" --jobs $((3 * jobs))
}
stage_counts() {
    build release bench-programs && tests/bench/counts.py --check "$BUILDDIR/release"
}
stage_deb() { tests/support/test_deb.sh; }
stage_trixie() {
    local only
    read -ra only <<<"${ACTPASS_ONLY:-}"
    tests/support/trixie.sh "$BUILDDIR/trixie" "${only[@]}"
}

# ---- What is built ahead: a failure here is found again, and shown, by the stage that needs it --

ahead_release() { build release -k all test-programs; }
ahead_asan() { build asan -k all test-programs; }
ahead_tsan() { build tsan -k all test-programs; }
ahead_fuzz() { build fuzz -k fuzz; }
ahead_coverage() { build coverage -k all test-programs; }
ahead_trixie() { tests/support/trixie.sh --prepare "$BUILDDIR/trixie"; }
# Two runs of scons in one folder disturb each other: where ahead_release has run, there is nothing
# left to make.
ahead_lint() {
    if [ -e "$ahead/release" ]; then
        tests/support/lint.sh "$BUILDDIR/release"
    else
        build release check
    fi
}

# Runs these one after the other. The file $ahead/NAME appears when one is done, with its status.
run_ahead() { # NAME...
    local name status
    for name in "$@"; do
        timeout -k 15 1200 "$self" --ahead "$name" >"$logs/$name.ahead.log" 2>&1 </dev/null
        status=$?
        echo "$status" >"$ahead/$name.new" && mv "$ahead/$name.new" "$ahead/$name"
    done
}

# The processor seconds in files that `times` wrote, of the processes that the shell waited for.
processor_seconds() { # FILE...
    cat "$@" 2>/dev/null |
        awk '/[1-9]/ && NR % 2 == 0 { gsub(/[ms]/, " "); sum += $1 * 60 + $2 + $3 * 60 + $4 }
             END { printf "%d\n", sum }'
}

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
    --stage | --ahead) # inner use: one stage, or one build ahead, in this process, under `timeout`
        "${1#--}_$2"
        status=$?
        times >"$logs/$2.${1#--}.times"
        exit "$status"
        ;;
    --run-ahead) # inner use: the background, a process group of its own
        shift
        run_ahead "$@"
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
for stage in "${full_stages[@]}"; do
    if ! { declare -F "stage_$stage" || declare -F "ahead_$stage"; } >/dev/null; then
        echo "$self: the stage $stage in full_stages has no function" >&2
        exit 2
    fi
done
if is_in coverage "${stages[@]}" && is_in e2e_asan "${stages[@]}"; then
    ASAN_BUILD=coverage
    find "$BUILDDIR/coverage" -name '*.gcda' -delete 2>/dev/null
fi
for stage in asan asan_torture e2e_asan; do
    built[$stage]=$ASAN_BUILD
done
if [ ${#stages[@]} -eq 0 ]; then
    stages=("${default_stages[@]}")
    export LINT_BRIEF=1 # clang-tidy of the tests takes two minutes of a processor
fi

# Without them the stages that need them fail, each by name; the others still run.
sections=(build demo test check)
for stage in interop trixie; do # these have packages of their own
    ! is_in "$stage" "${stages[@]}" || sections+=("$stage")
done
! is_in deb "${stages[@]}" || sections+=(trixie) # debootstrap
if [ -z "${ACTPASS_NO_INSTALL:-}" ]; then
    .ci/install.sh "${sections[@]}" || echo "$self: going on with what is installed" >&2
fi

rm -rf "$ahead" "$logs"/*.times
mkdir -p "$ahead" || exit 1
passed=0 failed=0 skipped=0 ran=0 flaky=() skips=() background=''
pending=("${stages[@]}")
declare -A child=() began=() # of each running stage: its process, and when it began
declare -A last_tries=() # of each stage that failed so: FAILURES:NAMES to run a last time
declare -A failures=() # of each stage that failed: how many, and why

# Starts what is built ahead for the stages, at idle priority where the system lets us.
start_ahead() {
    local name stage wanted=() idle=(nice -n 19)
    for stage in "${stages[@]}"; do
        wanted+=("${built[$stage]:-}")
    done
    ! chrt --idle 0 true 2>/dev/null || idle=(chrt --idle 0)
    set --
    for name in "${ahead_order[@]}"; do
        ! is_in "$name" "${wanted[@]}" || set -- "$@" "$name"
    done
    [ $# -gt 0 ] || return 0
    setsid "${idle[@]}" "$self" --run-ahead "$@" </dev/null >/dev/null 2>&1 &
    background=$!
}

end_ahead() {
    [ -z "$background" ] || pkill -TERM -s "$background"
}

# Its jobs have process groups of their own (timeout), but the same session.
stop_all() {
    kill "${child[@]}" 2>/dev/null
    [ -z "$background" ] || pkill -TERM -s "$background"
    exit 130
}

# Waits until what the stage needs is built, if it is built ahead.
await_ahead() { # NAME
    [ -n "${1:-}" ] || return 0
    while [ ! -e "$ahead/$1" ] && kill -0 "$background" 2>/dev/null; do
        sleep 0.2
    done
}

# `timeout` has a process group of its own, which a Ctrl-C at the terminal does not reach.
trap stop_all INT TERM
trap end_ahead EXIT

# Sets stage_passed, stage_failed, stage_skipped, stage_flaky, stage_again and why from the status and
# the log of a stage. stage_again are the names of all that failed, if it may be run a last time.
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
    stage_again=
    [ -n "$why" ] || stage_again=$(sed -nE "s/^again: $stage_failed \\((.*)\\)\$/\\1/p" "$2" | tail -n 1)
}

# About how long the run still takes, with two stages at a time.
seconds_left() {
    local stage left sum=0
    for stage in "${pending[@]}"; do
        sum=$((sum + usual[$stage]))
    done
    for stage in "${!child[@]}"; do
        left=$((usual[$stage] - SECONDS + began[$stage]))
        sum=$((sum + (left > 0 ? left : 0)))
    done
    echo $(((sum + 1) / 2))
}

all_run() { # PID...
    local pid
    for pid in "$@"; do
        kill -0 "$pid" 2>/dev/null || return 1
    done
}

# On a terminal: keeps one line about the running stages up to date, until one of them has ended.
show_progress() {
    while all_run "${child[@]}"; do
        printf '\r\033[K     %d of %d stages have run; now: %s; about %d s left' "$ran" \
            ${#stages[@]} "${!child[*]}" "$(seconds_left)"
        sleep 0.5
    done
    printf '\r\033[K'
}

# Runs a stage, once what it needs is built. Those of the background have only to be waited for.
follow_stage() { # NAME LOG
    local running=
    trap 'kill "$running" 2>/dev/null; exit 130' TERM
    await_ahead "${built[$1]:-}"
    if [ "${built[$1]:-}" = "$1" ] && ! declare -F "stage_$1" >/dev/null; then
        cp "$logs/$1.ahead.log" "$2"
        exit "$(cat "$ahead/$1" 2>/dev/null || echo 1)"
    fi
    timeout -k 15 $((usual[$1] < 150 ? 600 : 4 * usual[$1])) \
        "$self" --stage "$1" >"$2" 2>&1 </dev/null &
    running=$!
    wait "$running"
}

# Whether a stage may run beside those that are running.
fits() { # STAGE
    local other
    for other in "${!child[@]}"; do
        ! is_in "$other" "${alone[@]}" && ! is_in "$1" "${alone[@]}" &&
            [ "${built[$other]:-$other}" != "${built[$1]:-$1}" ] || return 1
    done
}

# Whether two stages run already, without one that is light or with this one.
is_full() { # STAGE
    local other most=2
    for other in "$1" "${!child[@]}"; do
        ! is_in "$other" "${light[@]}" || most=3
    done
    [ ${#child[@]} -ge $most ]
}

# Starts stages while there is room for one that fits.
start_stages() {
    local i stage
    for i in "${!pending[@]}"; do
        stage=${pending[i]}
        ! is_full "$stage" && fits "$stage" || continue
        unset "pending[i]"
        rm -f "$logs/$stage.stage.times"
        follow_stage "$stage" "$logs/$stage.log" &
        child[$stage]=$! began[$stage]=$SECONDS
        [ -t 1 ] || echo "---- $stage begins, after $SECONDS s"
    done
}

# Waits for the stage that ends next, and says what it came to.
finish_stage() {
    local pid status stage
    [ ! -t 1 ] || show_progress
    wait -n -p pid "${child[@]}"
    status=$?
    for stage in "${!child[@]}"; do
        [ "${child[$stage]}" != "$pid" ] || break
    done
    unset "child[$stage]"
    judge "$status" "$logs/$stage.log"
    report "$stage"
}

# A log, indented, so that only one line of all is the closing line.
show() { # LOG
    grep -vE '^(CC|AR|LINK|GEN|LN|DB) +|^Checking for ' "$1" | sed 's/^/    /'
}

# Adds what `judge` found to the sums.
report() { # STAGE
    echo "==== $1: stage $((ran + 1)) of ${#stages[@]}"
    show "$logs/$1.log"
    printf '==== %s: %d passed, %d failed, %d flaky in %d s, %d s of processors%s\n\n' "$1" \
        "$stage_passed" "$stage_failed" ${#stage_flaky[@]} $((SECONDS - began[$1])) \
        "$(processor_seconds "$logs/$1.stage.times")" "${why:+ ($why)}"
    passed=$((passed + stage_passed))
    failed=$((failed + stage_failed))
    skipped=$((skipped + stage_skipped))
    [ "$stage_skipped" -eq 0 ] || skips+=("$1:$stage_skipped")
    flaky+=("${stage_flaky[@]/#/$1:}")
    [ -z "$stage_again" ] || last_tries[$1]=$stage_failed:$stage_again
    [ "$stage_failed" -eq 0 ] || failures[$1]="$stage_failed failed${why:+ ($why)}"
    ran=$((ran + 1))
}

# Runs what failed in a stage a last time. If it passes, it was flaky.
try_last() { # STAGE
    local name log=$logs/$1.last.log number=${last_tries[$1]%%:*} names=${last_tries[$1]#*:}
    ACTPASS_ONLY=$names timeout -k 15 600 "$self" --stage "$1" >"$log" 2>&1 </dev/null &
    child[$1]=$!
    wait "${child[$1]}"
    judge $? "$log"
    unset "child[$1]"
    echo "==== $1: a last time, with nothing beside: $names"
    show "$log"
    [ "$stage_failed" -eq 0 ] || return
    passed=$((passed + number)) failed=$((failed - number))
    unset "failures[$1]"
    for name in $names; do
        flaky+=("$1:${name##*/}")
    done
}

# The first lines of a stage's failures, once more: where such output is kept in part, it is the end.
show_failure() { # STAGE
    local log=$logs/$1.log
    echo "==== $1: ${failures[$1]}, see $log"
    { grep -E -A16 '^ *\[?(FAIL|ERROR|CRASH|not ok)|^SUMMARY: |: (error|warning): ' "$log" ||
        tail "$log"; } | head -n 40 | cut -c 1-200 | sed 's/^/    /'
}

start_ahead
while start_stages && [ ${#child[@]} -gt 0 ]; do
    finish_stage
done
for stage in "${!last_tries[@]}"; do
    try_last "$stage"
done
if [ "$ran" -ne ${#stages[@]} ]; then
    failed=$((failed + 1))
fi
for stage in "${!failures[@]}"; do
    show_failure "$stage"
done
echo "in $SECONDS s, $(processor_seconds "$logs"/*.times) s of processors"
[ "$skipped" -eq 0 ] || echo "skipped: $skipped (${skips[*]})"
[ ${#flaky[@]} -eq 0 ] || echo "flaky: ${#flaky[@]} (${flaky[*]})"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
