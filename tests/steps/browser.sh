# browser.sh: a real browser on the other side.
# shellcheck shell=bash

install_playwright() {
    cd tests/interop && npm ci --no-audit --no-fund --ignore-scripts
}

run_interop() {
    cd tests/interop && node run.mjs
}

step_browser() {
    if [[ ! -f tests/interop/interop.test.mjs ]]; then
        skip "there is no browser test"
        return
    fi
    need "${PACKAGES_BROWSER[@]}"
    need_node
    check build-release configure_and_compile release || return 1
    (logged npm install_playwright) || {
        tally 0 1 0
        show_log build/logs/npm.log
        return 1
    }
    (logged interop run_interop)
    local status=$? log=build/logs/interop.log passed failed skipped
    passed=$(sed -n 's/^# pass //p' "$log" | tail -n 1)
    failed=$(sed -n 's/^# fail //p' "$log" | tail -n 1)
    skipped=$(sed -n 's/^# skipped //p' "$log" | tail -n 1)
    if ((status != 0 && ${failed:-0} == 0)); then
        failed=1
    fi
    tally "${passed:-0}" "${failed:-0}" "${skipped:-0}"
    ((status == 0)) || show_log "$log" 80
}
