// Results in the words of the Test Anything Protocol.

export class Tap {
  #counts = { pass: 0, fail: 0, skipped: 0 };

  #result(kind, name, directive = '') {
    this.#counts[kind] += 1;
    const number = this.#counts.pass + this.#counts.fail + this.#counts.skipped;
    console.log(`${kind === 'fail' ? 'not ok' : 'ok'} ${number} - ${name.replaceAll('#', '\\#')}${directive}`);
  }

  begin() {
    console.log('TAP version 13');
  }

  comment(text) {
    for (const line of String(text).split('\n')) console.log(`# ${line}`);
  }

  pass(name) {
    this.#result('pass', name);
  }

  fail(name) {
    this.#result('fail', name);
  }

  skip(name, why) {
    this.#result('skipped', name, ` # SKIP ${why}`);
  }

  end() {
    const { pass, fail, skipped } = this.#counts;
    console.log(`1..${pass + fail + skipped}`);
    console.log(`# pass ${pass}\n# fail ${fail}\n# skipped ${skipped}`);
    return fail === 0;
  }
}
