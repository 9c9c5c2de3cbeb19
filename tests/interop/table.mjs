// The interoperability table, in Markdown, of what a run has shown.

import { OFFERERS, lacking } from './stacks.mjs';

// `instances`: the stacks that took part, with their versions. Each cell says how it went when we offered, and when they did.
export function table(chapters, instances, results) {
  const stacks = [...instances.keys()];
  const notes = [];

  function mark(note) {
    if (!notes.includes(note)) notes.push(note);
    return `– [${notes.indexOf(note) + 1}]`;
  }

  function sign(stack, scenario, offerer) {
    const why = lacking(stack, scenario, offerer);
    if (why) return mark(`${stack.title}: ${why}.`);
    const found = results.find((r) => r.stack === stack && r.scenario === scenario && r.offerer === offerer);
    if (!found) return '';
    return found.ok ? '✓' : '✗';
  }

  const cell = (stack, scenario) => [...new Set(OFFERERS.map((offerer) => sign(stack, scenario, offerer)))];
  const show = (signs) => (signs.length === 1 && !signs[0].startsWith('–') ? [...signs, ...signs] : signs).join(' ');
  const lines = [];
  for (const { title, scenarios } of chapters) {
    lines.push(`| ${[title, ...stacks.map((stack) => `${stack.title} ${instances.get(stack).version}`)].join(' | ')} |`);
    lines.push(`|---${'|:-:'.repeat(stacks.length)}|`);
    for (const scenario of scenarios) {
      lines.push(`| ${[scenario.name, ...stacks.map((stack) => show(cell(stack, scenario)))].join(' | ')} |`);
    }
    lines.push('');
  }
  notes.forEach((note, i) => lines.push(`${i + 1}. ${note}`));
  return `${lines.join('\n')}\n`;
}
