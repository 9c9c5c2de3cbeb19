#!/usr/bin/env python3
"""headers.py: compiles each public header alone, as an application would see it: headers.py INCLUDE LANGUAGE STANDARD CC…

Alone: what a header needs it includes itself. Twice: the second time it must vanish. And without _GNU_SOURCE or any other
option of our own build. Without a compiler (no CC) the test is skipped.
"""
import os
import subprocess
import sys
import tempfile

OPTIONS = ['-Wall', '-Wextra', '-Werror', '-pedantic-errors', '-Wundef', '-Wshadow', '-fsyntax-only']
SKIPPED = 77  # meson's number for it


def compiles(compiler, include, language, standard, header):
    suffix = {'c': '.c', 'c++': '.cpp'}[language]
    with tempfile.NamedTemporaryFile('w', suffix=suffix) as source:
        source.write(f'#include <holdfast/{header}>\n#include <holdfast/{header}>\nextern int main_of_the_application;\n')
        source.flush()
        command = [*compiler, f'-std={standard}', *OPTIONS, f'-I{include}', source.name]
        return subprocess.run(command, check=False).returncode == 0


def main():
    include, language, standard, *compiler = sys.argv[1:]
    if not compiler:
        print(f'skipped: there is no compiler for {language} here')
        return SKIPPED
    headers = sorted(name for name in os.listdir(os.path.join(include, 'holdfast')) if name.endswith('.h'))
    broken = [name for name in headers if not compiles(compiler, include, language, standard, name)]
    print(f'{len(headers)} headers as {standard}, broken: {", ".join(broken) or "none"}')
    return 1 if broken or not headers else 0


if __name__ == '__main__':
    sys.exit(main())
