# analysis.sh: findings of static analysis are failures.
# shellcheck shell=bash

# The C files of the product, as git knows them.
product_sources() {
    git ls-files 'src/*.c' 'tools/*.c' 'examples/*.c'
}

run_cppcheck() {
    product_sources | cppcheck --file-list=- --std=c11 --enable=warning,performance,portability --inline-suppr --quiet \
        --error-exitcode=1 --suppress=missingIncludeSystem --suppress=identicalInnerCondition -j "$(nproc)" \
        -D__GNUC__=12 -D__linux__ -D_GNU_SOURCE -DMBEDTLS_VERSION_MAJOR=2 -Iinclude -Isrc/base
}

run_clang_tidy() {
    local files=()
    mapfile -t files < <(product_sources | grep -F -f <(compiled_sources))
    printf '%s\n' "${files[@]}" |
        xargs -P "$(nproc)" -n 1 clang-tidy -p build/sanitize --quiet --warnings-as-errors='*' \
            2> >(grep -v 'warnings\? generated' >&2)
}

# The sources that build/sanitize compiles: clang-tidy needs their options.
compiled_sources() {
    python3 - <<'END'
import json
commands = json.load(open("build/sanitize/compile_commands.json"))
print("\n".join(sorted({command["file"].replace("../", "") for command in commands})))
END
}

run_shellcheck() {
    shellcheck --external-sources run .ci/run tests/steps/*.sh
}

# The README's code is that of an example, which is compiled and run.
check_readme() {
    python3 - <<'END'
import re
code = re.search(r"```c\n(.*?)```", open("README.md").read(), re.S)[1]
for part in code.split("\n\n"):
    assert part.strip("\n") in open("examples/hello.c").read(), "the code in README.md is not that of examples/hello.c:\n" + part
END
}

step_analysis() {
    check cppcheck run_cppcheck
    if [[ -f build/sanitize/compile_commands.json ]]; then
        check clang-tidy run_clang_tidy
    else
        tally 0 1 0
    fi
    check shellcheck run_shellcheck
    check readme check_readme
}
