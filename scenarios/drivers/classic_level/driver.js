#!/usr/bin/env node
// LevelDB through Node (classic-level), behind the driver protocol of walcrash.
//
//   npm install
//   walcrash run ../../engines/classic-level-sync.toml
//
// Each record is kept under its append number, which is its offset. With --sync each put is synced
// before it is acknowledged; without, LevelDB leaves that to the system, as is its default.
'use strict';
const fs = require('fs');
const readline = require('readline');

let ClassicLevel;
try {
  ({ ClassicLevel } = require('classic-level'));
} catch (problem) {
  const [said] = problem.message.split('\n');
  process.stderr.write(`the package classic-level cannot be loaded: ${said}\nhint: npm install --prefix ${__dirname}\n`);
  process.exit(2);
}

const isSynced = process.argv.includes('--sync');
const WRITE = { sync: isSynced, keyEncoding: 'utf8', valueEncoding: 'json' };
const READ = { keyEncoding: 'utf8', valueEncoding: 'json' };
const DIGITS = 16; // as many as the largest whole number of JavaScript has
const keyOf = (number) => String(number).padStart(DIGITS, '0');

let db = null;
let next = 1;

function say(line) {
  const data = Buffer.from(JSON.stringify(line) + '\n');
  for (let done = 0; done < data.length; ) done += fs.writeSync(1, data, done);
}

const entriesFrom = async (number) =>
  (await db.iterator({ ...READ, gte: keyOf(number) }).all()).map(([key, record]) => ({ record, offset: Number(key) }));

const answers = {
  async open(request) {
    const opened = new ClassicLevel(request.dir ?? process.argv.at(-1));
    await opened.open();
    db = opened;
    const [last] = await db.keys({ reverse: true, limit: 1 }).all();
    next = last === undefined ? 1 : Number(last) + 1;
    return { protocol: 1, name: 'classic-level', version: '3.0.0', supports: ['compact', 'reopen'] };
  },
  async append(request) {
    const offset = next;
    next += 1; // a put that fails may have been kept, so its number is not given again
    await db.put(keyOf(offset), request.record, WRITE);
    return { offset };
  },
  async replay(request) {
    for (const entry of await entriesFrom(request.from)) say(entry);
    return { end: next };
  },
  async compact() {
    const entries = await entriesFrom(0);
    const done = new Set(entries.filter(({ record }) => record.type === 'MarkDone').map(({ record }) => record.id));
    const last = entries.pop(); // it keeps its number, so that none is given twice
    if (last !== undefined && last.record.type === 'PutOperation') done.delete(last.record.id);
    const doomed = entries.filter(({ record }) => done.has(record.id));
    await db.batch(doomed.map(({ offset }) => ({ type: 'del', key: keyOf(offset) })), WRITE);
    await db.compactRange(keyOf(0), keyOf(next));
    return {};
  },
  async close() {
    const closing = db;
    db = null;
    await closing.close();
    return {};
  },
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const request = JSON.parse(line);
    try {
      if (!Object.hasOwn(answers, request.do)) throw new Error(`there is no request ${request.do}`);
      say({ ok: true, ...(await answers[request.do](request)) });
    } catch (problem) {
      say({ ok: false, error: [problem.message, problem.cause?.message].filter(Boolean).join(': ') });
    }
  }
}

main();
