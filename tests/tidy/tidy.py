#!/usr/bin/env python3
"""tidy.py: what a machine can check about the source tree, so that a review is about ideas.

    tidy.py ROOT         checks the tree; prints "file:line: reason" for each finding, and exits with 1 if there is one
    tidy.py --self-test  proves that each rule finds what it is for, and leaves alone what it is not for

A rule takes the tree, a dictionary from path to text (None: binary), and yields findings (path, line, reason).
"""
import os
import posixpath
import re
import sys

# --- The house (docs: architecture) ----------------------------------------------------------------------------------

# What a layer may include besides its own folder: of base everything, of the others their faces: <layer>.h, or
# <layer>_<noun>.h where a floor above needs that noun too; never <layer>_priv.h.
FLOORS = {
    'base': [],
    'stun': ['base'],
    'turn': ['stun', 'base'],
    'ice': ['turn', 'stun', 'base'],
    'dtls': ['base'],
    'sctp': ['base'],
    'sdp': ['base'],
    'peer': ['ice', 'dtls', 'sctp', 'sdp', 'base'],
    'session': ['peer', 'base'],
    'manager': ['session', 'base'],
    'runtime': ['base'],
}

# Headers of the libraries and of the system that have a wall around them: prefix, and who is inside.
WALLED_HEADERS = [
    ('mbedtls/', ['src/dtls/', 'src/base/digest.c']),
    ('psa/', ['src/dtls/']),
    ('usrsctp', ['src/sctp/']),
] + [(system, ['src/runtime/']) for system in (
    'arpa/', 'ifaddrs.h', 'linux/', 'net/', 'netdb.h', 'netinet/', 'poll.h', 'pthread.h', 'signal.h', 'sys/epoll.h',
    'sys/eventfd.h', 'sys/ioctl.h', 'sys/random.h', 'sys/select.h', 'sys/socket.h', 'sys/time.h', 'sys/timerfd.h',
    'sys/un.h', 'threads.h', 'time.h', 'unistd.h')]

# --- Calls that nobody makes, or only some -----------------------------------------------------------------------------

BANNED_CALLS = [
    (['strcpy', 'stpcpy', 'strcat', 'sprintf', 'vsprintf', 'gets'], 'no bound: use bytes.h or snprintf', []),
    (['strncpy', 'strncat'], 'may leave no NUL: use snprintf or memcpy', []),
    (['strtok', 'strtok_r'], 'writes into its input: use hf_reader', []),
    (['atoi', 'atol', 'atoll', 'atof', 'strtol', 'strtoul', 'strtoll', 'strtoull', 'sscanf'],
     'takes what is no number: use hf_parse_decimal', [
         'src/runtime/interfaces.c',  # reads the kernel's own text
         'src/runtime/routes.c',      # the same
     ]),
    (['rand', 'srand', 'random', 'srandom', 'drand48', 'getrandom', 'getentropy'],
     'randomness comes from hf_env', ['src/runtime/']),
    (['time', 'clock', 'clock_gettime', 'gettimeofday', 'timespec_get', 'sleep', 'usleep', 'nanosleep'],
     'time is an argument', ['src/runtime/']),
    (['malloc', 'calloc', 'realloc', 'free', 'strdup', 'strndup', 'asprintf', 'vasprintf', 'aligned_alloc', 'posix_memalign'],
     'memory comes from hf_env, by alloc.h', [
         'src/base/alloc.c',
         'src/runtime/post.c',      # shared with other threads, where the application's allocator need not work
         'src/runtime/resolver.c',  # the same
     ]),
    (['socket', 'bind', 'connect', 'listen', 'accept', 'accept4', 'send', 'sendto', 'sendmsg', 'sendmmsg', 'recv', 'recvfrom',
      'recvmsg', 'recvmmsg', 'setsockopt', 'getsockopt', 'getsockname', 'getaddrinfo', 'getifaddrs', 'poll', 'select',
      'epoll_wait', 'epoll_ctl'],
     'only src/runtime does I/O', ['src/runtime/']),
    (['exit', '_exit', 'abort', 'system', 'popen', 'getenv', 'secure_getenv', 'setenv'], "the process is the application's", [
        'src/runtime/env.c',    # without randomness there is no way on
        'src/runtime/trust.c',  # SSL_CERT_FILE
    ]),
    (['alloca'], 'the stack is not for lengths that come from outside', []),
]

# --- Limits ----------------------------------------------------------------------------------------------------------

LINE_MAX = 125       # characters, as in .clang-format
FILE_LINES_MAX = 700  # of src/: more is usually two nouns

# Folders whose .c files the build must know.
BUILT_FOLDERS = ['src', 'tests', 'fuzz', 'tools', 'examples', 'bench']

# Words that say where or with what the text was written. In halves, for this file is checked too.
FORBIDDEN_WORDS = [a + b for a, b in [
    ('cla', 'ude'), ('anth', 'ropic'), ('suba', 'gent'), ('chat', 'gpt'), ('ope', 'nai'), ('copi', 'lot'),
]]
FORBIDDEN_PATHS = ['/ro' + 'ot', '/wo' + 'rk', '/tmp/' + 'hf']

SKIPPED_FOLDERS = {'.git', 'build', 'node_modules', '__pycache__', '.venv'}

# --- Reading ---------------------------------------------------------------------------------------------------------


def read_tree(root):
    tree = {}
    for folder, folders, names in os.walk(root):
        if 'meson-private' in folders:  # somebody's build folder, whatever it is called
            folders[:] = []
            continue
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(name for name in names if name not in SKIPPED_FOLDERS):  # a worktree's .git is a file
            full = os.path.join(folder, name)
            if os.path.islink(full) or not os.path.isfile(full):
                continue
            with open(full, 'rb') as file:
                data = file.read()
            try:
                text = None if b'\0' in data else data.decode('utf-8')
            except UnicodeDecodeError:
                text = None
            tree[os.path.relpath(full, root).replace(os.sep, '/')] = text
    return tree


def is_c(path):
    return path.endswith(('.c', '.h'))


def sources(tree, *folders):
    """The C files below the folders, each with its text."""
    for path, text in tree.items():
        if is_c(path) and text is not None and path.split('/')[0] in folders:
            yield path, text


def lines_of(text):
    return enumerate(text.split('\n'), 1)


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_of(text):
    """The text with comments and literals blanked; lines stay where they are."""
    return TOKEN.sub(lambda match: re.sub(r'[^\n]', ' ', match.group()), text)


def is_inside(path, places):
    return any(path == place or (place.endswith('/') and path.startswith(place)) for place in places)


# --- Rules -----------------------------------------------------------------------------------------------------------

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def is_face(layer, name):
    return name == layer + '.h' or (name.startswith(layer + '_') and not name.endswith('_priv.h'))


def rule_floors(tree):
    """A layer includes its own headers, the faces of the floors under it, and the public ones."""
    for path, text in sources(tree, 'src'):
        parts = path.split('/')
        layer = parts[1]
        if len(parts) != 3 or layer not in FLOORS:
            yield path, 1, 'no layer of the house'
            continue
        seen = [f'src/{layer}/'] + [f'src/{floor}/' for floor in FLOORS[layer]]
        for number, line in lines_of(text):
            match = INCLUDE.match(line)
            if not match or match.group(1) == '<':
                continue
            name = match.group(2)
            homes = [home for home in seen if home + name in tree]
            if not homes:
                yield path, number, f'"{name}" is neither of src/{layer} nor of a floor under it'
            elif homes[0] not in (f'src/{layer}/', 'src/base/') and not is_face(homes[0].split('/')[1], name):
                yield path, number, f'"{name}" is the inside of {homes[0][:-1]}: only its face may be included'


def rule_walls(tree):
    """Headers of mbedTLS, usrsctp and the operating system stay behind their walls."""
    for path, text in sources(tree, 'src', 'include'):
        for number, line in lines_of(text):
            match = INCLUDE.match(line)
            if not match or match.group(1) == '"':
                continue
            name = match.group(2)
            for prefix, inside in WALLED_HEADERS:
                if name.startswith(prefix) and not is_inside(path, inside):
                    yield path, number, f'<{name}> belongs to {", ".join(inside)}'


def banned_pattern(names):
    return re.compile(r'(?<![\w.])(?<!->)(' + '|'.join(names) + r')\s*\(')


# What a file has of its own under such a name: a static function, or a parameter that is one.
DEFINITION = re.compile(r'^static [^;=()]*?\b(\w+)\(', re.MULTILINE)
PARAMETER = re.compile(r'\w\s+\**(\w+)\s*[,)]')


def rule_calls(tree):
    """Calls that are unsafe, or that do what a layer may not do."""
    for path, text in sources(tree, 'src'):
        code = code_of(text)
        own = set(DEFINITION.findall(code) + PARAMETER.findall(code))
        for names, reason, allowed in BANNED_CALLS:
            if is_inside(path, allowed):
                continue
            pattern = banned_pattern(names)
            for number, line in lines_of(code):
                for match in pattern.finditer(line):
                    if match.group(1) not in own:
                        yield path, number, f'{match.group(1)}(): {reason}'


def rule_built(tree):
    """Every C source is compiled: named in a meson.build of its folder or above, or by a script that compiles it."""
    named = set()
    for path, text in tree.items():
        if text is None:
            continue
        folder = posixpath.dirname(path)
        if posixpath.basename(path) == 'meson.build':
            for name in re.findall(r"'([^'\n]+)'", re.sub(r'#[^\n]*', '', text)):
                at = posixpath.normpath(posixpath.join(folder, name))
                named.update([at, at + '.c'])
        elif path.endswith('.sh'):
            named.update(re.findall(r'[\w./-]+\.c\b', text))
    for path in tree:
        if path.endswith('.c') and path.split('/')[0] in BUILT_FOLDERS and path not in named:
            yield path, 1, 'no meson.build names it'


def rule_corpora(tree):
    """Every fuzz target has a corpus, and every corpus a target."""
    corpora = {path.split('/')[2] for path in tree if re.match(r'fuzz/corpus/[^/]+/', path)}
    targets = {path[len('fuzz/'):-2] for path, text in tree.items()
               if re.fullmatch(r'fuzz/[^/]+\.c', path) and 'int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n{' in
               (text or '')}
    for name in sorted(corpora - targets):
        yield f'fuzz/corpus/{name}', 1, 'there is no such target'
    for name in sorted(targets - corpora):
        yield f'fuzz/{name}.c', 1, 'the target has no corpus'


def rule_form(tree):
    """Lines are short and clean."""
    for path, text in tree.items():
        if not is_c(path) or text is None:
            continue
        for number, line in lines_of(text):
            if len(line) > LINE_MAX:
                yield path, number, f'{len(line)} characters; {LINE_MAX} is the limit'
            if '\t' in line:
                yield path, number, 'a tab'
            if '\r' in line:
                yield path, number, 'a carriage return'
            elif line != line.rstrip():
                yield path, number, 'space at the end of the line'
        if text and not text.endswith('\n'):
            yield path, text.count('\n') + 1, 'no newline at the end of the file'
        elif text.endswith('\n\n'):
            yield path, text.count('\n'), 'an empty line at the end of the file'


def rule_size(tree):
    """A file of src/ is about one noun."""
    for path, text in sources(tree, 'src'):
        if text.count('\n') > FILE_LINES_MAX:
            yield path, FILE_LINES_MAX + 1, f'{text.count(chr(10))} lines; {FILE_LINES_MAX} is the limit'


def rule_words(tree):
    """Nothing tells on which machine or with which tools it was written."""
    words = re.compile('|'.join(FORBIDDEN_WORDS), re.IGNORECASE)
    paths = re.compile(r'(?<![\w.)}-])(?:' + '|'.join(FORBIDDEN_PATHS) + r')(?![\w-])')
    for path, text in tree.items():
        if words.search(path):
            yield path, 1, 'a word that must not be mentioned, in the name'
        for number, line in lines_of(text or ''):
            match = words.search(line) or paths.search(line)
            if match:
                yield path, number, f'"{match.group()}" must not be mentioned'


RULES = [rule_floors, rule_walls, rule_calls, rule_built, rule_corpora, rule_form, rule_size, rule_words]


def check(tree):
    return [finding for rule in RULES for finding in rule(tree)]


# --- The self-test -----------------------------------------------------------------------------------------------------

FUZZ_TARGET = 'int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n{\n    return 0;\n}\n'

# A tree that is all right. Each case below changes it in one place.
CLEAN = {
    'meson.build': "subdir('src/ice')\n",
    'include/holdfast/ice.h': '#include <stdint.h>\n',
    'src/base/meson.build': "static_library('base', 'alloc.c', 'bytes.c', 'digest.c')\n",
    'src/base/alloc.c': '#include <stdlib.h>\nvoid f(void)\n{\n    free(malloc(1));\n}\n',
    'src/base/bytes.h': '',
    'src/base/bytes.c': '#include "bytes.h"\n',
    'src/base/digest.c': '#include <mbedtls/md.h>\n',
    'src/stun/stun.h': '#include "bytes.h"\n',
    'src/stun/stun_priv.h': '',
    'src/ice/meson.build': "static_library('ice', 'ice.c')\n",
    'src/ice/ice_priv.h': '#include <holdfast/ice.h>\n',
    'src/ice/ice.c': '#include "ice_priv.h"\n#include "stun.h"\n#include "bytes.h"\n',
    'src/session/session_config.h': '',
    'src/dtls/dtls.h': '#include <mbedtls/ssl.h>\n',
    'src/sctp/sctp.h': '#include <usrsctp.h>\n',
    'src/runtime/meson.build': "static_library('runtime', 'udp.c')\n",
    'src/runtime/udp.c': '#include <sys/socket.h>\nint f(void)\n{\n    return socket(0, 0, 0) + (int)time(NULL);\n}\n',
    'fuzz/meson.build': "targets = {'ice': 'ice'}\nfiles('replay.c')\n",
    'fuzz/replay.c': 'int main(void)\n{\n    return 0;\n}\n',
    'fuzz/ice.c': FUZZ_TARGET,
    'fuzz/corpus/ice/seed': None,
}

# What is changed, with what, and where it must be found: path, line, a part of the reason.
BROKEN = [
    ('src/ice/ice.c', '#include "dtls.h"\n', 1, 'neither of src/ice'),
    ('src/ice/ice.c', '\n#include "peer_priv.h"\n', 2, 'neither of src/ice'),
    ('src/ice/ice.c', '#include "stun_priv.h"\n', 1, 'only its face'),
    ('src/stun/stun.h', '#include "ice_priv.h"\n', 1, 'neither of src/stun'),
    ('src/base/bytes.c', '#include "stun.h"\n', 1, 'neither of src/base'),
    ('src/attic/old.h', '\n', 1, 'no layer'),
    ('src/ice/deep/old.h', '\n', 1, 'no layer'),
    ('src/ice/ice.c', '#include <mbedtls/md.h>\n', 1, 'belongs to'),
    ('src/base/bytes.c', '#include <mbedtls/md.h>\n', 1, 'belongs to'),
    ('include/holdfast/ice.h', '#include <mbedtls/md.h>\n', 1, 'belongs to'),
    ('src/dtls/dtls.h', '#include <usrsctp.h>\n', 1, 'belongs to'),
    ('src/sctp/sctp.h', '#include <mbedtls/ssl.h>\n', 1, 'belongs to'),
    ('src/ice/ice.c', '#include <sys/socket.h>\n', 1, 'belongs to'),
    ('src/ice/ice.c', '\n# include <time.h>\n', 2, 'belongs to'),
    *[('src/ice/ice.c', f'int f(void)\n{{\n    return {name}(0);\n}}\n', 3, f'{name}():')
      for names, _, _ in BANNED_CALLS for name in names],
    ('src/runtime/udp.c', 'void f(void)\n{\n    free (0);\n}\n', 3, 'free():'),
    ('src/runtime/udp.c', '/* a comment\n * of two lines */ void f(void) { strcpy(0, 0); }\n', 2, 'strcpy():'),
    ('src/ice/old.c', '\n', 1, 'no meson.build'),
    ('tests/unit/old.c', '\n', 1, 'no meson.build'),
    ('tools/old.c', '\n', 1, 'no meson.build'),
    ('examples/old.c', '\n', 1, 'no meson.build'),
    ('bench/old.c', '\n', 1, 'no meson.build'),
    ('src/ice/meson.build', "# 'ice.c'\n", 'src/ice/ice.c', 'no meson.build'),
    ('src/stun/meson.build', "'../base/x.c'\n'y.c'\n", None, ''),
    ('fuzz/corpus/old/seed', None, 'fuzz/corpus/old', 'no such target'),
    ('fuzz/replay.c', FUZZ_TARGET, 1, 'no corpus'),
    ('src/ice/ice.c', '/* ' + 'a' * 120 + ' */\n', 1, '126 characters'),
    ('tests/long.h', '\n// ' + 'a' * 123 + '\n', 2, '126 characters'),
    ('src/ice/ice.c', '\tint x;\n', 1, 'a tab'),
    ('src/ice/ice.c', 'int x; \n', 1, 'space at the end'),
    ('src/ice/ice.c', 'int x;\r\n', 1, 'carriage return'),
    ('src/ice/ice.c', 'int x;\nint y;', 2, 'no newline'),
    ('src/ice/ice.c', 'int x;\n\n', 2, 'an empty line'),
    ('src/ice/ice.c', '\n' + 'int x;\n' * FILE_LINES_MAX, FILE_LINES_MAX + 1, 'lines;'),
    *[('docs/map.md', f'first\nmade by {word.upper()}\n', 2, 'must not be mentioned') for word in FORBIDDEN_WORDS],
    *[('docs/map.md', f'see {path}/notes\n', 1, 'must not be mentioned') for path in FORBIDDEN_PATHS],
    (f'docs/{FORBIDDEN_WORDS[0]}.md', '\n', 1, 'in the name'),
]

# What looks like a finding and is none.
ALLOWED = [
    ('src/ice/ice.c', 'void f(const hf_env *env)\n{\n    env->free(env->context, NULL);\n    env.alloc.malloc(1);\n}\n'),
    ('src/ice/ice.c', '/* strcpy( and "time(" */\nconst char *s = "gets(" "free(";\nchar c = \'"\';\n'),
    ('src/ice/ice.c', 'static void connect(int x)\n{\n    (void)x;\n}\nvoid f(void)\n{\n    connect(1);\n}\n'),
    ('src/ice/ice.c', 'static bool all(int x, accepts *accept)\n{\n    return accept(x);\n}\n'),
    ('src/manager/manager.h', '#include "session_config.h"\n'),
    ('src/ice/ice.c', 'void hf_time(int x);\nvoid f(void)\n{\n    hf_free(hf_time(1));\n    usrsctp_socket(0);\n}\n'),
    ('src/ice/ice.c', '/* ' + 'a' * 119 + ' */\n'),
    ('src/ice/ice.c', '/* ' + '§' * 119 + ' */\n'),
    ('src/ice/ice.c', 'int x;\n' * FILE_LINES_MAX),
    ('docs/map.md', "meson.project_source_root() / 'tests'; ICE agents; /workshop; $HOME/work; a frame/work\n"),
    ('tests/install/program.c', 'int x;\n'),
]


def self_test():
    failures = []

    def expect(holds, what):
        if not holds:
            failures.append(what)

    expect(not check(CLEAN), f'the clean tree: {check(CLEAN)}')
    for path, text, where, reason in BROKEN:
        found = check({**CLEAN, path: text})
        if where is None:
            expect(not found, f'{path}: {found}')
            continue
        at = (path, where) if isinstance(where, int) else (where, 1)
        expect(len(found) == 1 and found[0][:2] == at and reason in found[0][2], f'{path} {text!r:.60}: {found}')
    script = {'tests/steps/install.sh': 'cc tests/install/program.c -o program\n'}
    for path, text in ALLOWED:
        found = check({**CLEAN, **script, path: text})
        expect(not found, f'allowed {path} {text!r:.60}: {found}')

    for failure in failures:
        print('self-test:', failure)
    print(f'{len(BROKEN)} broken and {len(ALLOWED) + 1} clean trees, {len(failures)} wrong answers')
    return 1 if failures else 0


def main(arguments):
    if arguments == ['--self-test']:
        return self_test()
    if len(arguments) != 1 or not os.path.isdir(os.path.join(arguments[0], 'src')):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    tree = read_tree(arguments[0])
    findings = check(tree)
    for path, line, reason in findings:
        print(f'{path}:{line}: {reason}')
    print(f'{len(tree)} files, {len(findings)} findings')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
