# interop.sh: other WebRTC stacks on the other side.
# shellcheck shell=bash

install_npm_packages() {
    cd tests/interop && npm ci --no-audit --no-fund --ignore-scripts
}

# run_interop [arguments of run.mjs]
run_interop() {
    cd tests/interop && node run.mjs "$@"
}

step_interop() {
    need "${PACKAGES_INTEROP[@]}"
    need_node
    check build-release configure_and_compile release || return 1
    check build-many configure_and_compile test tests/interop/interop_many || return 1
    (logged npm install_npm_packages) || {
        tally 0 1 0
        show_log build/logs/npm.log
        return 1
    }
    (logged interop run_interop --table ../../build/interop.md)
    local status=$? log=build/logs/interop.log passed failed skipped
    passed=$(sed -n 's/^# pass //p' "$log" | tail -n 1)
    failed=$(sed -n 's/^# fail //p' "$log" | tail -n 1)
    skipped=$(sed -n 's/^# skipped //p' "$log" | tail -n 1)
    if ((status != 0 && ${failed:-0} == 0)); then
        failed=1
    fi
    tally "${passed:-0}" "${failed:-0}" "${skipped:-0}"
    ((status == 0)) || show_failures "$log"
}

# Each failure with its reason; what everybody said and heard is in the log.
show_failures() {
    printf '   --- failures in %s\n' "$1"
    grep -E -A 3 '^(not ok|Bail out)' "$1" | head -n 80 | sed 's/^/   | /'
}
