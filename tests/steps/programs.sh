# programs.sh: the steps that run test programs: in release, under sanitizers, under the fuzzer, and for coverage.
# shellcheck shell=bash

FUZZ_SECONDS=10
COVERAGE_MIN=80

# meson_tests KIND [meson's options]: runs the tests of a build and counts them one by one.
meson_tests() {
    local kind=$1 counts
    shift
    rm -f "build/$kind/meson-logs/testlog.json"
    logged "test-$kind" meson test -C "build/$kind" --no-rebuild "$@"
    counts=$(python3 tests/steps/meson_results.py "build/$kind/meson-logs/testlog.json") || {
        tally 0 1 0
        show_log "build/logs/test-$kind.log"
        return 1
    }
    # shellcheck disable=SC2086 # three numbers
    tally $counts
}

step_release() {
    check build-test configure_and_compile test && meson_tests test
}

# Criterion does not mind a report that comes when a test's process ends, such as that of a leak: each is a file here. That a
# thread ended while the leak checker looked at it is none.
sanitizer_reports() {
    local found
    mapfile -t found < <(find "$1" -type f -exec grep -lv '^==[0-9]*==Unable to get registers from thread [0-9]*\.$' {} +)
    ((${#found[@]})) || return 0
    head -q -n 25 "${found[@]}"
    printf '%d reports in %s\n' "${#found[@]}" "$1"
    return 1
}

step_sanitize() {
    check build-sanitize configure_and_compile sanitize || return 1
    local reports=$PWD/build/sanitize/reports
    rm -rf "$reports"
    mkdir -p "$reports"
    export ASAN_OPTIONS="log_path=$reports/asan:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
    export UBSAN_OPTIONS="log_path=$reports/ubsan:halt_on_error=1:print_stacktrace=1"
    meson_tests sanitize --timeout-multiplier 3
    unset ASAN_OPTIONS UBSAN_OPTIONS
    check sanitizer-reports sanitizer_reports "$reports"
}

# As many targets at a time as there are processors.
step_fuzz() {
    check build-fuzz configure_and_compile fuzz || return 1
    local target targets=() running=0
    mapfile -t targets < <(fuzz_targets)
    for target in "${targets[@]}"; do
        if ((running >= $(nproc))); then
            wait -n || true
            running=$((running - 1))
        fi
        rm -f "build/logs/fuzz-$target.status"
        (
            status=0
            logged "fuzz-$target" fuzz "$target" "$FUZZ_SECONDS" || status=$?
            echo "$status" >"build/logs/fuzz-$target.status"
        ) &
        running=$((running + 1))
    done
    wait
    for target in "${targets[@]}"; do
        if [[ $(cat "build/logs/fuzz-$target.status" 2>/dev/null) == 0 ]]; then
            tally 1 0 0
        else
            tally 0 1 0
            printf '   FAILED: fuzz %s\n' "$target"
            show_log "build/logs/fuzz-$target.log"
        fi
    done
}

step_coverage() {
    check build-coverage configure_and_compile coverage || return 1
    find build/coverage -name '*.gcda' -delete
    logged test-coverage meson test -C build/coverage --no-rebuild --timeout-multiplier 3 ||
        printf '   some tests failed in the build for coverage: build/logs/test-coverage.log\n'
    check coverage coverage_report --fail-under-line "$COVERAGE_MIN" --txt build/coverage/summary.txt
    grep '^lines:' build/logs/coverage.log | sed 's/^/   /'
}
