#!/usr/bin/env node
// A small write-ahead log with an outbox in JavaScript, behind the driver protocol of walcrash.
//
//   walcrash run compacting.toml
//
// A line of the log is a CRC-32 and a JSON text: the number that the next record would have, then
// a record and its number each. A record's number is its offset, and never given twice.
// Compaction writes a second file, syncs it, puts it in the first one's place, and syncs the
// directory. A record is acknowledged when fsync has returned.
//
// `apply` saves what the records amount to, then the checkpoint, each by replacing a file. Recovery
// takes the saved state and the records from the checkpoint on. What was sent is only remembered
// until the process ends, so after a boot all that is not done can be sent again.
//
// With --unsynced it is wrong: the second file is put in place without having been synced.
// With --checkpoint-first it is wrong: the checkpoint is saved before the state.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const isUnsynced = process.argv.includes('--unsynced');
const isCheckpointFirst = process.argv.includes('--checkpoint-first');
const IN_FLIGHT_TIMEOUT_MS = 30_000;
const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = (n >>> 1) ^ (n & 1 ? 0xedb88320 : 0);
  return n;
});

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff];
  return (~crc >>> 0).toString(16).padStart(8, '0');
}

const lineOf = (value) => {
  const text = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(crc32(text) + ' '), text, Buffer.from('\n')]);
};

// Return the value of each whole line, and where the first that is none begins.
function read(data) {
  const values = [];
  let at = 0;
  for (let end; (end = data.indexOf(10, at)) >= 0; at = end + 1) {
    const text = data.subarray(at + 9, end);
    if (data.toString('latin1', at, at + 8) !== crc32(text)) break;
    values.push(JSON.parse(text.toString()));
  }
  return [values, at];
}

function writeAll(fd, data) {
  for (let done = 0; done < data.length; ) done += fs.writeSync(fd, data, done);
}

const APPENDING = fs.constants.O_RDWR | fs.constants.O_APPEND;

class Log {
  constructor(directory) {
    this.directory = directory;
    this.path = path.join(directory, 'log');
    this.fd = fs.openSync(this.path, APPENDING | fs.constants.O_CREAT, 0o644);
    const [values, end] = read(fs.readFileSync(this.path));
    fs.ftruncateSync(this.fd, end);
    this.entries = values.filter((value) => value.record);
    this.next = values.reduce((next, value) => Math.max(next, value.next ?? value.offset + 1), 1);
    fs.fsyncSync(this.fd);
    this.syncDirectory();
    this.inFlight = new Map();
    this.checkpoint = this.saved('checkpoint')?.checkpoint ?? 0;
    const state = this.saved('state');
    this.applied = state?.applied ?? 0;
    this.operations = new Map(state?.operations);
    this.forgetDropped();
    for (const entry of this.entries) if (entry.offset >= this.checkpoint) this.fold(entry.record);
  }

  // Compaction drops all records of an operation or none: without its put, it was done.
  forgetDropped() {
    const puts = this.entries.filter(({ record }) => record.type === 'PutOperation');
    const ids = new Set(puts.map(({ record }) => record.id));
    for (const id of this.operations.keys()) if (!ids.has(id)) this.operations.delete(id);
  }

  fold({ type, id, error, next_retry_at_ms }) {
    this.inFlight.delete(id);
    const put = { status: 'pending', error: '', next_retry_at_ms: 0 };
    if (type === 'PutOperation') this.operations.set(id, put);
    else if (!this.operations.has(id)) return;
    else if (type === 'MarkDone') this.operations.set(id, { ...put, status: 'done' });
    else this.operations.set(id, { status: 'failed', error, next_retry_at_ms });
  }

  saved(name) {
    const file = path.join(this.directory, name);
    if (!fs.existsSync(file)) return undefined;
    const [[value]] = read(fs.readFileSync(file));
    if (!value) throw new Error(`${name} is damaged`);
    return value;
  }

  syncDirectory() {
    const fd = fs.openSync(this.directory, 'r');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  }

  append(record) {
    if (this.isBroken) throw new Error('an append failed before; open the log again');
    this.isBroken = true;
    const entry = { offset: this.next, record };
    writeAll(this.fd, lineOf(entry));
    fs.fsyncSync(this.fd);
    this.isBroken = false;
    this.entries.push(entry);
    this.next += 1;
    this.fold(record);
    return entry.offset;
  }

  // Put a new file in the place of an old one; a crash leaves the one or the other.
  replace(name, values, isSynced = true) {
    const file = path.join(this.directory, name);
    // A crash may have left both names to one file: what is there is taken away, not emptied.
    fs.rmSync(file + '.new', { force: true });
    const fd = fs.openSync(file + '.new', 'wx', 0o644);
    writeAll(fd, Buffer.concat(values.map(lineOf)));
    if (isSynced) fs.fsyncSync(fd);
    fs.closeSync(fd);
    fs.renameSync(file + '.new', file);
    this.syncDirectory();
  }

  apply() {
    if (isCheckpointFirst) this.saveCheckpoint();
    this.replace('state', [{ applied: this.next, operations: [...this.operations] }]);
    this.applied = this.next;
    if (!isCheckpointFirst) this.saveCheckpoint();
    return this.checkpoint;
  }

  saveCheckpoint() {
    this.replace('checkpoint', [{ checkpoint: this.next }]);
    this.checkpoint = this.next;
  }

  state() {
    const shown = ([id, operation]) =>
      this.inFlight.has(id) ? [id, { ...operation, status: 'in_flight' }] : [id, operation];
    const ops = Object.fromEntries([...this.operations].map(shown));
    return { checkpoint: this.checkpoint, applied: this.applied, ops };
  }

  // Return what is to be sent now; from then on it is in flight.
  due(now) {
    for (const [id, since] of this.inFlight)
      if (now - since > IN_FLIGHT_TIMEOUT_MS) this.inFlight.delete(id);
    const isDue = ([id, { status, next_retry_at_ms: retry }]) =>
      !this.inFlight.has(id) &&
      (status === 'pending' || (status === 'failed' && retry > 0 && retry <= now));
    const ids = [...this.operations].filter(isDue).map(([id]) => id);
    for (const id of ids) this.inFlight.set(id, now);
    return ids;
  }

  // The saved state must know what was done before the records that say so are dropped.
  compact() {
    this.apply();
    const last = new Map(this.entries.map(({ record }) => [record.id, record.type]));
    const kept = this.entries.filter(({ record }) => last.get(record.id) !== 'MarkDone');
    this.replace('log', [{ next: this.next }, ...kept], !isUnsynced);
    fs.closeSync(this.fd);
    this.fd = fs.openSync(this.path, APPENDING);
    this.entries = kept;
    this.forgetDropped();
  }
}

let log = null;
const say = (line) => writeAll(1, Buffer.from(JSON.stringify(line) + '\n'));

const answers = {
  open(request) {
    log = new Log(request.dir ?? process.argv.at(-1));
    const supports = ['sync', 'checkpoint', 'apply', 'effects', 'compact', 'reopen'];
    return { protocol: 1, name: 'compacting', version: '1', supports };
  },
  append: (request) => ({ offset: log.append(request.record) }),
  sync: () => ({}), // every append is durable already
  replay(request) {
    for (const entry of log.entries) if (entry.offset >= request.from) say(entry);
    return { end: log.next };
  },
  apply: () => ({ checkpoint: log.apply() }),
  state: () => log.state(),
  tick(request) {
    const sent = log.due(request.now_ms);
    for (const id of sent) say({ effect: id }); // its put is durable, and the line is the effect
    return { sent };
  },
  compact() {
    log.compact();
    return {};
  },
  close() {
    fs.closeSync(log.fd);
    log = null;
    return {};
  },
};

readline.createInterface({ input: process.stdin, crlfDelay: Infinity }).on('line', (line) => {
  const request = JSON.parse(line);
  try {
    if (!Object.hasOwn(answers, request.do)) throw new Error(`there is no request ${request.do}`);
    say({ ok: true, ...answers[request.do](request) });
  } catch (problem) {
    say({ ok: false, error: problem.message });
  }
});
