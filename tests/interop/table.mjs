// The interoperability table, in Markdown, of what a run has shown.

const SIGNS = { true: '✓', false: '✗' };

function cell(stack, scenario, results) {
  const lacking = (scenario.needs ?? []).find((feature) => feature in stack.lacks);
  if (lacking) return { text: '–', note: `${stack.title}: ${stack.lacks[lacking]}` };
  const signs = ['we', 'they'].map((offerer) => {
    const found = results.find((r) => r.stack === stack && r.scenario === scenario && r.offerer === offerer);
    return found ? SIGNS[found.ok] : '';
  });
  return { text: signs.filter(Boolean).join(' ') };
}

// `instances`: the stacks that took part, with their versions.
export function table(chapters, instances, results) {
  const stacks = [...instances.keys()];
  const notes = [];
  const noteNumber = (note) => {
    if (!notes.includes(note)) notes.push(note);
    return notes.indexOf(note) + 1;
  };
  const show = ({ text, note }) => (note ? `${text} [${noteNumber(note)}]` : text);
  const lines = [];
  for (const { title, scenarios } of chapters) {
    lines.push(`| ${[title, ...stacks.map((stack) => `${stack.title} ${instances.get(stack).version}`)].join(' | ')} |`);
    lines.push(`|---${'|:-:'.repeat(stacks.length)}|`);
    for (const scenario of scenarios) {
      lines.push(`| ${[scenario.name, ...stacks.map((stack) => show(cell(stack, scenario, results)))].join(' | ')} |`);
    }
    lines.push('');
  }
  notes.forEach((note, i) => lines.push(`[${i + 1}] ${note}  `));
  return `${lines.join('\n')}\n`;
}
