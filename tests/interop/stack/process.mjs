// A stack that lives in a process of ours: calls go to its stdin and come back from its stdout, one JSON object a line.
//
//   to it:    {"id":1,"connection":"…","method":"start","given":[…]}
//   from it:  {"id":1,"value":…}   {"id":1,"error":"…"}   {"report":{"of":connection,"event":{…}}}

import { startLines } from '../lines.mjs';

export function openProcess(command, { report, trouble, lost }) {
  const calls = new Map(); // by id: { resolve, reject }
  let lastId = 0;

  function hear(line) {
    const told = JSON.parse(line);
    if (told.report) {
      report(told.report);
      return;
    }
    const call = calls.get(told.id);
    calls.delete(told.id);
    if (told.error) call?.reject(new Error(told.error));
    else call?.resolve(told.value);
  }

  function end(_status, _signal, why) {
    lost(why);
    for (const { reject } of calls.values()) reject(new Error(why));
    calls.clear();
  }

  const process = startLines(command, { onLine: hear, onTrouble: trouble, onEnd: end });
  return {
    call: (connection, method, given) =>
      new Promise((resolve, reject) => {
        const id = (lastId += 1);
        calls.set(id, { resolve, reject });
        process.write(JSON.stringify({ id, connection, method, given }));
      }),
    kill: process.kill,
    close: process.kill,
  };
}
