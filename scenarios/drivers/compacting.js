#!/usr/bin/env node
// A small write-ahead log in JavaScript, behind the driver protocol of walcrash.
//
//   walcrash run compacting.toml
//
// A line of the log is a CRC-32 and a JSON text: the number that the next record would have, then
// a record and its number each. A record's number is its offset, and never given twice.
// Compaction writes a second file, syncs it, puts it in the first one's place, and syncs the
// folder. A record is acknowledged when fsync has returned.
//
// With --unsynced it is wrong: the second file is put in place without having been synced.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const isUnsynced = process.argv.includes('--unsynced');
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

class Log {
  constructor(folder) {
    this.folder = folder;
    this.path = path.join(folder, 'log');
    this.fd = fs.openSync(this.path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_APPEND, 0o644);
    const [values, end] = read(fs.readFileSync(this.path));
    fs.ftruncateSync(this.fd, end);
    this.entries = values.filter((value) => value.record);
    this.next = values.reduce((next, value) => Math.max(next, value.next ?? value.offset + 1), 1);
    fs.fsyncSync(this.fd);
    this.syncFolder();
  }

  syncFolder() {
    const fd = fs.openSync(this.folder, 'r');
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
    return entry.offset;
  }

  compact() {
    const last = new Map(this.entries.map(({ record }) => [record.id, record.type]));
    const kept = this.entries.filter(({ record }) => last.get(record.id) !== 'MarkDone');
    // A crash may have left both names to one file: what is there is taken away, not emptied.
    fs.rmSync(this.path + '.new', { force: true });
    const fd = fs.openSync(this.path + '.new', 'wx', 0o644);
    writeAll(fd, Buffer.concat([{ next: this.next }, ...kept].map(lineOf)));
    if (!isUnsynced) fs.fsyncSync(fd);
    fs.renameSync(this.path + '.new', this.path);
    this.syncFolder();
    fs.closeSync(fd);
    fs.closeSync(this.fd);
    this.fd = fs.openSync(this.path, fs.constants.O_RDWR | fs.constants.O_APPEND);
    this.entries = kept;
  }
}

let log = null;
const say = (line) => writeAll(1, Buffer.from(JSON.stringify(line) + '\n'));

const answers = {
  open(request) {
    log = new Log(request.dir ?? process.argv.at(-1));
    return { protocol: 1, name: 'compacting', version: '1', supports: ['sync', 'compact', 'reopen'] };
  },
  append: (request) => ({ offset: log.append(request.record) }),
  sync: () => ({}), // every append is durable already
  replay(request) {
    for (const entry of log.entries) if (entry.offset >= request.from) say(entry);
    return { end: log.next };
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
