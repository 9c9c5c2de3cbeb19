# install.sh: the library as others get it: installed, found by pkg-config, linked statically into C and C++.
# shellcheck shell=bash

install_into() {
    rm -rf build/install "$1"
    meson setup build/install -Dtests=false --prefix="$1" && meson install -C build/install
}

# compile_outside PREFIX SOURCE COMPILER…: compiles tests/install/program.c, under that name, in a folder of its own and
# runs it.
compile_outside() {
    local prefix=$1 source=$2 folder flags
    shift 2
    folder=$(mktemp -d)
    cp tests/install/program.c "$folder/$source"
    flags=$(PKG_CONFIG_PATH=$(find "$prefix" -type d -name pkgconfig) pkg-config --static --cflags --libs holdfast)
    # shellcheck disable=SC2086 # flags are words
    (cd "$folder" && "$@" -Wall -Wextra -Werror "$source" -o program $flags && ./program)
    local status=$?
    rm -rf "$folder"
    return "$status"
}

step_install() {
    local prefix=$PWD/build/installed
    check install install_into "$prefix" || return 1
    check install-c compile_outside "$prefix" program.c gcc -std=c11
    check install-c-static compile_outside "$prefix" program.c gcc -std=c11 -static
    check install-c++ compile_outside "$prefix" program.cc g++ -std=c++17
}
