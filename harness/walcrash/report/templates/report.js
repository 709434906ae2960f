"use strict";
// Builds a timeline above each table of steps, from the table alone; without it the table stays.
(() => {
  const NS = "http://www.w3.org/2000/svg";
  const NARROW = 24, BROAD = 64, LEFT = 6, CALLS = 34, BAND = 44, GAP = 22;
  const DURABILITY = { d: "durable", n: "new", r: "removed", o: "other", a: "absent" };

  const make = (name, attributes, parent, text) => {
    const svg = ["svg", "rect", "line", "text", "title", "g", "path", "pattern", "defs"];
    const node = svg.includes(name) ? document.createElementNS(NS, name) : document.createElement(name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };

  const ranges = (text) => (text ? text.split("+").map((one) => one.split("-").map(Number)) : []);

  // "0n228,208,208-228;1a" is: file 0, new name, size, durable size, pending ranges; file 1, absent.
  const states = (text) =>
    (text || "").split(";").filter(Boolean).map((one) => {
      const [, file, durability, rest] = /^(\d+)([dnroa])(.*)$/.exec(one);
      const [size, durable, pending] = rest.split(",");
      return {
        file: Number(file), durability: DURABILITY[durability], size: Number(size || 0),
        durable: Number(durable || 0), pending: ranges(pending),
      };
    });

  const read = (steps) => {
    const story = { paths: JSON.parse(steps.dataset.p), columns: [], calls: [], boots: [] };
    let now = new Map(), call = null;
    for (const row of steps.querySelectorAll("tbody tr")) {
      const cells = [...row.cells].map((cell) => cell.textContent.trim());
      if (row.className === "b") {
        story.boots.push(story.columns.length);
      } else if (row.className === "c") {
        call = { text: cells[1], first: story.columns.length, last: -1, isAnswered: false };
        story.calls.push(call);
      } else if (row.className !== "g") {
        now = new Map(now);
        for (const state of states(row.dataset.s)) now.set(state.file, state);
        const lost = (row.dataset.l || "").split(";").filter(Boolean).map((one) => {
          const [file, pieces] = one.split(":");
          return { file: Number(file), ranges: ranges(pieces) };
        });
        const isCrash = row.className === "x";
        if (call && !isCrash) call.last = story.columns.length;
        if (row.className === "a" && call) call.isAnswered = true;
        if (isCrash) call = null;
        story.columns.push({ row, cells, now, lost, isCrash, isReply: row.className === "a" });
      }
    }
    return story;
  };

  const bands = (story) => {
    const files = [];
    story.paths.forEach((path, file) => {
      let top = 0, isThere = false;
      for (const column of story.columns) {
        const state = column.now.get(file);
        if (state) { isThere = true; top = Math.max(top, state.size, state.durable); }
        for (const loss of column.lost) {
          if (loss.file === file) for (const [, end] of loss.ranges) top = Math.max(top, end);
        }
      }
      if (isThere) files.push({ file, path, top });
    });
    return files;
  };

  const part = (svg, x, y, wide, top, [start, end], style, hatch) => {
    const height = Math.max(2, ((end - start) / top) * (BAND - 2));
    const at = { x: x + 1, y: y + 1 + (start / top) * (BAND - 2), width: wide - 2, height };
    make("rect", { ...at, class: style }, svg);
    if (hatch) make("rect", { ...at, fill: `url(#${hatch})` }, svg);
  };

  const cell = (svg, x, y, wide, band, column, id) => {
    const state = column.now.get(band.file);
    const frame = { x: x + .5, y: y + .5, width: wide - 1, height: BAND - 1 };
    if (state && state.durability !== "absent") {
      if (state.durability === "removed") {
        make("line", { x1: x, x2: x + wide, y1: y + BAND / 2, y2: y + BAND / 2, class: "gone" }, svg);
      } else {
        if (band.top && state.durable) {
          part(svg, x, y, wide, band.top, [0, Math.min(state.durable, state.size)], "durable");
        }
        for (const range of band.top ? state.pending : []) part(svg, x, y, wide, band.top, range, "pending", id + "p");
        const isOpen = state.durability !== "durable";
        make("rect", { ...frame, class: isOpen ? "open" : "frame" }, svg);
      }
    }
    for (const loss of column.lost) {
      if (loss.file !== band.file) continue;
      if (!loss.ranges.length) make("rect", { ...frame, class: "lostname" }, svg);
      for (const range of band.top ? loss.ranges : []) part(svg, x, y, wide, band.top, range, "lost", id + "l");
    }
  };

  const hatch = (defs, id, turn) => {
    const pattern = make("pattern", {
      id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${turn})`,
    }, defs);
    make("line", { x1: 0, x2: 0, y1: 0, y2: 5, class: "hatch" }, pattern);
  };

  const clip = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

  const draw = (story, id, room) => {
    const wide = Math.max(NARROW, Math.min(BROAD, Math.floor(room / story.columns.length)));
    const files = bands(story);
    const width = LEFT + story.columns.length * wide + 8;
    const height = CALLS + files.length * (BAND + GAP) + 6;
    const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const defs = make("defs", {}, svg);
    hatch(defs, id + "p", 45);
    hatch(defs, id + "l", 135);
    const x = (column) => LEFT + column * wide;
    for (const call of story.calls) {
      if (call.last < call.first) continue;
      const span = (call.last - call.first + 1) * wide - 2;
      make("rect", { x: x(call.first) + 1, y: 20, width: span, height: 6, class: "call" }, svg);
      const label = clip(call.text, Math.floor(span / 6.2));
      make("text", { x: x(call.first) + 1, y: 14 }, svg, span > 30 ? label : "");
    }
    const names = files.map((band, number) => {
      const y = CALLS + number * (BAND + GAP) + GAP - 6;
      const size = band.top ? `, 0 to ${band.top} bytes` : "";
      story.columns.forEach((column, at) => cell(svg, x(at), y, wide, band, column, id));
      return make("text", { x: LEFT, y: y - 5 }, svg, clip(band.path, 40) + size);
    });
    story.columns.forEach((column, at) => {
      if (column.isReply) make("path", { d: `M${x(at) + 5} 22l4 5 8-10 2 2-10 12-6-7z`, class: "ack" }, svg);
      if (column.isCrash) make("line", { x1: x(at), x2: x(at), y1: 2, y2: height - 2, class: "crash" }, svg);
    });
    for (const at of story.boots.slice(1)) {
      make("line", { x1: x(at), x2: x(at), y1: 2, y2: height - 2, class: "boot" }, svg);
    }
    const now = make("rect", { y: 1, width: wide, height: height - 2, class: "now", rx: 3 }, svg);
    return { svg, now, x, names, wide };
  };

  const LEGEND = [["d", "durable"], ["p", "pending"], ["o", "name pending"], ["l", "bytes lost"], ["n", "name or size lost"], ["k", "crash"]];

  const timeline = (article, number) => {
    const steps = article.querySelector(".steps");
    if (!steps) return null;
    const story = read(steps);
    if (!story.columns.length) return null;
    const box = make("div", { class: "line" });
    const slider = make("div", {
      class: "wide", tabindex: 0, role: "slider", "aria-label": "Timeline of " + article.id,
      "aria-valuemin": 1, "aria-valuemax": story.columns.length,
    }, box);
    const drawn = draw(story, "t" + number, article.clientWidth - 70);
    slider.append(drawn.svg);
    const bar = make("div", { class: "go" }, box);
    const button = (text, label, run) => {
      const made = make("button", { type: "button", "aria-label": label, title: label }, bar, text);
      made.addEventListener("click", run);
      return made;
    };
    const last = story.columns.length - 1;
    let at = last;
    const first = button("«", "First event", () => go(0));
    const back = button("‹", "One event back", () => go(at - 1));
    const on = button("›", "One event on", () => go(at + 1));
    const end = button("»", "Last event", () => go(last));
    const said = make("output", {}, bar);
    const legend = make("div", { class: "legend" }, box);
    for (const [style, text] of LEGEND) {
      const item = make("span", {}, legend);
      make("i", { class: style }, item);
      item.append(text);
    }
    const go = (to, isQuiet) => {
      story.columns[at].row.classList.remove("now");
      at = Math.max(0, Math.min(last, to));
      const column = story.columns[at];
      const [event, what, disk] = column.cells;
      const text = (column.isCrash ? "" : `event ${event}: `) + what + (disk ? `. ${disk}` : "");
      column.row.classList.add("now");
      drawn.now.setAttribute("x", drawn.x(at));
      slider.setAttribute("aria-valuenow", at + 1);
      slider.setAttribute("aria-valuetext", text);
      said.textContent = `${at + 1} of ${last + 1}: ${text}`;
      first.disabled = back.disabled = at === 0;
      on.disabled = end.disabled = at === last;
      const left = drawn.x(at) - 2 * drawn.wide;
      if (left < slider.scrollLeft || left + 5 * drawn.wide > slider.scrollLeft + slider.clientWidth) {
        slider.scrollLeft = left - slider.clientWidth / 2;
      }
      if (!isQuiet) choose(number);
    };
    const pick = (event) => {
      const x = event.clientX - drawn.svg.getBoundingClientRect().left;
      go(Math.floor((x - LEFT) / drawn.wide));
    };
    slider.addEventListener("scroll", () => {
      for (const name of drawn.names) name.setAttribute("x", slider.scrollLeft + LEFT);
    });
    slider.addEventListener("pointerdown", pick);
    slider.addEventListener("pointermove", (event) => {
      if (event.buttons === 1 && event.pointerType === "mouse") pick(event);
    });
    story.columns.forEach((column, to) => {
      column.row.tabIndex = -1;
      column.row.addEventListener("click", () => go(to));
    });
    steps.before(box);
    steps.open = false;
    go(last, true);
    return { go, step: (by) => go(at + by), end: () => go(last), begin: () => go(0), slider };
  };

  const articles = [...document.querySelectorAll("article")];
  let current = -1;
  const choose = (number) => {
    articles.forEach((article, at) => article.classList.toggle("now", at === number));
    current = number;
  };
  const lines = articles.map(timeline);
  const help = document.querySelector(".help");
  if (help) help.hidden = false;

  const move = (by) => {
    if (!articles.length) return;
    choose(current < 0 ? 0 : Math.max(0, Math.min(articles.length - 1, current + by)));
    articles[current].scrollIntoView({ block: "start" });
    const target = lines[current] ? lines[current].slider : articles[current];
    target.focus({ preventScroll: true });
  };
  articles.forEach((article, number) => article.addEventListener("focusin", () => choose(number)));

  const within = (run) => {
    if (current < 0) choose(0);
    if (lines[current]) run(lines[current]);
  };
  const KEYS = {
    j: () => move(1), k: () => move(-1),
    ArrowRight: () => within((line) => line.step(1)),
    ArrowLeft: () => within((line) => line.step(-1)),
    Home: () => within((line) => line.begin()), End: () => within((line) => line.end()),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !articles.length) return;
    const run = KEYS[event.key];
    const isFar = !event.target.closest || (event.target !== document.body && !event.target.closest("article"));
    const isScrolling = event.target.closest && event.target.closest("pre, .wide:not([role=slider])");
    if (!run || (event.key.length > 1 && (isFar || isScrolling))) return;
    if ((event.key === "Home" || event.key === "End") && event.target === document.body) return;
    event.preventDefault();
    run();
  });
})();
