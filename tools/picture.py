#!/usr/bin/env python3
"""picture.py: records a program on a terminal and draws what was seen as an animated SVG: picture.py OUT.svg COMMAND…

It knows as much of terminals as `holdfast demo` uses: text, line ends, "up n lines", "clear below", and the colours of SGR.
Each line of the screen is drawn once for each time that it stands unchanged; viewers without animation see the last screen.
"""
import html
import os
import pty
import re
import select
import sys
import time

COLUMNS, ROWS = 84, 30
FRAMES_A_SECOND = 5
HOLD = 6.0  # seconds that the last screen stays
CELL, LINE, MARGIN = 8.4, 18, 16
COLOURS = {'1': 'bold', '2': 'dim', '31': 'red', '32': 'green'}
ESCAPE = re.compile(r'\x1b\[([0-9;]*)([A-Za-z])')


class Screen:
    """Lines of (style, text) runs; the cursor is always at the end of what was written last."""

    def __init__(self):
        self.lines = [[]]
        self.row = 0
        self.style = ''

    def write(self, text):
        at = 0
        while at < len(text):
            escape = ESCAPE.match(text, at)
            if escape:
                self.obey(*escape.groups())
                at = escape.end()
            elif text[at] == '\n':
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append([])
                at += 1
            elif text[at] == '\r':
                at += 1
            else:
                end = min((i for i in (text.find(c, at) for c in '\x1b\n\r') if i >= 0), default=len(text))
                self.lines[self.row].append((self.style, text[at:end]))
                at = end

    def obey(self, argument, letter):
        if letter == 'A':
            self.row = max(0, self.row - int(argument or 1))
        elif letter == 'J':
            del self.lines[self.row + 1:]
            self.lines[self.row] = []
        elif letter == 'm':
            self.style = COLOURS.get(argument, '')

    def snapshot(self):
        lines = [tuple(line) for line in self.lines[:ROWS]]
        return lines + [()] * (ROWS - len(lines))


def record(command):
    """Yields (seconds, snapshot), a few a second, and the last one."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM='xterm', COLUMNS=str(COLUMNS))
        os.environ.pop('NO_COLOR', None)
        os.execvp(command[0], command)
    screen, began, taken = Screen(), time.monotonic(), 0.0
    pending = b''
    while True:
        select.select([terminal], [], [], 1 / FRAMES_A_SECOND)
        now = time.monotonic() - began
        try:
            data = os.read(terminal, 65536)
        except OSError:  # its end
            break
        if not data:
            break
        pending += data
        whole = max(pending.rfind(b'\n'), -1) + 1
        screen.write(pending[:whole].decode(errors='replace'))
        pending = pending[whole:]
        if now - taken >= 1 / FRAMES_A_SECOND:
            taken = now
            yield now, screen.snapshot()
    screen.write(pending.decode(errors='replace'))
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f'picture: {" ".join(command)}: it failed:\n' +
                 '\n'.join(''.join(text for _, text in line) for line in screen.snapshot()).rstrip())
    yield time.monotonic() - began, screen.snapshot()


def spans_of(frames, end):
    """Of each line of the screen: (row, runs, from, to) for each stretch in which it stands unchanged."""
    for row in range(ROWS):
        since, runs = 0.0, frames[0][1][row]
        for at, lines in frames[1:]:
            if lines[row] != runs:
                if runs:
                    yield row, runs, since, at
                since, runs = at, lines[row]
        if runs:
            yield row, runs, since, end


def text_of(row, runs, is_last):
    parts = ''.join(f'<tspan class="{style}">{html.escape(text)}</tspan>' if style else html.escape(text)
                    for style, text in runs)
    hidden = '' if is_last else ' visibility="hidden"'  # to viewers that do not animate
    return f'<text x="{MARGIN}" y="{MARGIN + LINE * (row + 1) - 5}"{hidden} xml:space="preserve">{parts}'


def draw(frames):
    last = frames[-1][0]
    end = last + HOLD
    rows = max(row for _, lines in frames for row in range(ROWS) if lines[row]) + 1
    width, height = round(COLUMNS * CELL + 2 * MARGIN), rows * LINE + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'role="img" aria-label="holdfast demo in a terminal">\n'
           '<style>text{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dee9}'
           '.bold{font-weight:bold;fill:#fff}.dim{fill:#8a94a6}.red{fill:#ff7b72}.green{fill:#7ee787}</style>\n'
           f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n')
    for row, runs, since, until in spans_of(frames, end):
        yield text_of(row, runs, until == end)
        if since > 0 or until < end:
            times = [0.0] + ([since] if since > 0 else []) + ([until] if until < end else [])
            values = ([] if since == 0 else ['hidden']) + ['visible'] + (['hidden'] if until < end else [])
            yield (f'<animate attributeName="visibility" dur="{end:.1f}s" repeatCount="indefinite" calcMode="discrete" '
                   f'keyTimes="{";".join(f"{t / end:.4f}" for t in times)}" values="{";".join(values)}"/>')
        yield '</text>\n'
    yield '</svg>\n'


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.split('\n')[0])
    frames = list(record(sys.argv[2:]))
    with open(sys.argv[1], 'w') as out:
        for piece in draw(frames):
            out.write(piece)
    print(f'{sys.argv[1]}: {frames[-1][0]:.1f} s in {len(frames)} screens, {os.path.getsize(sys.argv[1]) // 1024} KiB')


if __name__ == '__main__':
    main()
