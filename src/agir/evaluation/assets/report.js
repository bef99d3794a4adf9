"use strict";
// Everything here is an addition: without scripts the page shows the same tables and charts, and stills in place of the player.
(() => {
  const root = document.documentElement;
  addEventListener("error", (event) => root.setAttribute("data-error", `${event.message} (line ${event.lineno})`));
  root.classList.add("js");
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const make = (tag, name, text) => Object.assign(document.createElement(tag), { className: name ?? "", textContent: text ?? "" });
  const drawn = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  // ---- tables: a click on a heading sorts, a third one gives the first order back; floors stay below
  for (const table of all("table.sortable")) {
    const body = table.tBodies[0], first = [...body.rows], heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const next = { descending: "ascending", ascending: null }[head.getAttribute("aria-sort")];
      const order = next === undefined ? "descending" : next;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (order) head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const key = (row) => (column ? parseFloat(row.cells[column].dataset.value ?? "NaN") : row.querySelector(".name").textContent);
      const compare = (a, b) => {
        const floors = a.classList.contains("floor") - b.classList.contains("floor");
        const [x, y] = [key(a), key(b)];
        if (floors) return floors;
        if (!column) return sign * -x.localeCompare(y);
        return isNaN(x) - isNaN(y) || sign * (x - y) || 0;
      };
      body.append(...(order ? [...first].sort(compare) : first));
    }));
  }

  // ---- commands
  for (const button of all(".copy")) button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    } catch {
      getSelection().selectAllChildren(code); // no clipboard for pages from a file: the text is marked instead
    }
  });

  // ---- the read-out of charts and strips
  const tip = document.querySelector(".tip");
  const hide = () => (tip.style.visibility = "hidden");
  const show = (x, y, heading, lines) => {
    tip.replaceChildren(make("div", "", heading), ...lines.map(([mark, name, value]) => {
      const line = make("div", mark);
      line.append(make("i", "swatch"), make("span", "", name), make("span", "value", value));
      return line;
    }));
    const box = tip.getBoundingClientRect();
    const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
    tip.style.transform = `translate(${Math.max(4, left)}px, ${clamp(y - box.height / 2, 4, innerHeight - box.height - 4)}px)`;
    tip.style.visibility = "visible";
  };
  const figure = (value) => (value === null ? "–" : Math.abs(value) < 1e3 && Math.abs(value) >= 1e-4 ? value.toPrecision(3) : String(Number(value.toPrecision(3))));
  const whole = (value) => Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
  // `pick(fraction of the width) -> index`, `tell(index) -> place in the picture, heading, lines`; arrow keys walk along the indices
  const readable = (svg, count, pick, tell) => {
    let at = 0, cursor = null;
    const view = svg.viewBox.baseVal;
    const point = (index, clientY) => {
      at = clamp(index, 0, count - 1);
      const { x, width, heading, lines } = tell(at);
      cursor?.remove();
      cursor = width
        ? drawn("rect", { class: "cursor", x: x - width / 2, width, y: 0, height: view.height, "fill-opacity": 0.25 })
        : drawn("line", { class: "cursor", x1: x, x2: x, y1: 30, y2: view.height - 44 });
      svg.append(cursor);
      const box = svg.getBoundingClientRect();
      show(box.left + (x / view.width) * box.width, clientY ?? box.top + box.height / 2, heading, lines);
    };
    const leave = () => { cursor?.remove(); hide(); };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      point(pick(((event.clientX - box.left) / box.width) * view.width), event.clientY);
    });
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("blur", leave);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -count, End: count }[event.key];
      if (event.key === "Escape") leave();
      if (step) { event.preventDefault(); point(at + step); }
    });
  };
  const nearest = (list, wanted) => list.reduce((best, value, i) => (Math.abs(value - wanted) < Math.abs(list[best] - wanted) ? i : best), 0);
  for (const svg of all("[data-chart]")) {
    const { x: [low, high, start, end], label, order, lines } = JSON.parse(svg.dataset.chart);
    const xs = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b);
    const names = [...new Set(lines.map((line) => line.name))]; // a method's solid and dashed line share a row
    const told = (name, x) => {
      const own = lines.filter((line) => line.name === name);
      return [own[0].mark, name, own.map((line) => figure(line.y[nearest(line.x, x)])).join(" · ")];
    };
    readable(svg, xs.length, (px) => nearest(xs, low + ((px - start) / (end - start)) * (high - low)), (at) => ({
      x: start + ((xs[at] - low) / (high - low)) * (end - start),
      heading: `${whole(xs[at])} ${label}` + (order ? ` (${order})` : ""),
      lines: names.map((name) => told(name, xs[at])),
    }));
  }
  for (const svg of all("[data-strip]")) {
    const { starts, share, seeds } = JSON.parse(svg.dataset.strip);
    const outcome = (s) => (seeds > 1 ? `${Math.round(s * seeds)} of ${seeds} seeds` : s ? "success" : "failure");
    readable(svg, starts.length, Math.floor, (at) => ({ x: at + 0.5, width: 1, heading: `start ${starts[at]}`, lines: [["", "", outcome(share[at])]] }));
  }

  // ---- the player
  const ORDER = ["ground", "demonstration", "goal", "obstacle", "object", "link", "agent"];
  const decode = (text, low, high, count, points) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const levels = new DataView(bytes.buffer), dims = low.length;
    return Array.from({ length: count }, (_, frame) => Array.from({ length: points }, (_, point) => low.map(
      (least, axis) => least + (levels.getUint16(2 * ((frame * points + point) * dims + axis), true) / 65535) * (high[axis] - least))));
  };

  class Camera { // the same arithmetic as scenes.Camera
    constructor({ bounds, box, view, camera, eye }) {
      Object.assign(this, { bounds, eye, flat: view !== "3d", home: camera, center: box.map(([a, b]) => (a + b) / 2) });
      this.radius = Math.hypot(...box.map(([a, b]) => b - a)) / 2;
      const corners = box.reduce((made, ends) => made.flatMap((corner) => ends.map((end) => [...corner, end])), [[]]);
      this.look(...camera);
      const seen = corners.map((corner) => this.seen(corner));
      this.least = [0, 1].map((axis) => Math.min(...seen.map((p) => p[axis])));
      this.most = [0, 1].map((axis) => Math.max(...seen.map((p) => p[axis])));
      this.ratio = Math.min(this.flat ? 1.1 : 0.8, (this.most[1] - this.least[1]) / (this.most[0] - this.least[0]));
    }
    look(azimuth, elevation) {
      this.azimuth = azimuth; this.elevation = clamp(elevation, 3, 88);
      const [a, e] = [this.azimuth, this.elevation].map((degrees) => (degrees * Math.PI) / 180);
      const [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
      this.turn = [[-sa, ca, 0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]];
    }
    seen(point) { // -> right, up, how much larger than at the centre, depth
      const p = point.map((value, axis) => value - this.center[axis]);
      if (this.flat) return [p[0], p[1], 1, 0];
      const [right, up, near] = this.turn.map((row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2]);
      const larger = (this.eye * this.radius) / (this.eye * this.radius - near);
      return [right * larger, up * larger, larger, near];
    }
    fit(width, height) {
      const room = Math.min((width - 20) / (this.most[0] - this.least[0]), (height - 20) / (this.most[1] - this.least[1]));
      const middle = [0, 1].map((axis) => (this.least[axis] + this.most[axis]) / 2);
      return (point) => {
        const [x, y, larger, depth] = this.seen(point);
        return [width / 2 + (x - middle[0]) * room, height / 2 - (y - middle[1]) * room, larger * room, depth];
      };
    }
  }

  class Brush { // one panel's canvas
    constructor(panel) {
      this.canvas = panel.querySelector("canvas"); this.panel = panel; this.pen = this.canvas.getContext("2d"); this.dress();
    }
    dress() {
      const style = getComputedStyle(this.panel);
      const names = ["mark", "scene", "ground", "grid", "object", "goal", "obstacle", "demonstration", "rule"];
      this.colors = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
      this.shade = parseFloat(style.getPropertyValue("--shade")) / 100;
      Object.assign(this.colors, { link: this.colors.mark, agent: this.colors.mark });
    }
    begin(camera) {
      const width = this.canvas.clientWidth, height = Math.round(width * camera.ratio), sharp = Math.min(3, devicePixelRatio || 1);
      if (this.canvas.width !== Math.round(width * sharp) || this.canvas.height !== Math.round(height * sharp)) {
        this.canvas.width = Math.round(width * sharp); this.canvas.height = Math.round(height * sharp);
      }
      this.pen.setTransform(sharp, 0, 0, sharp, 0, 0);
      this.pen.clearRect(0, 0, width, height);
      this.pen.lineCap = this.pen.lineJoin = "round";
      this.camera = camera; this.place = camera.fit(width, height);
    }
    trail(points, close) {
      this.pen.beginPath();
      points.forEach(([x, y], i) => (i ? this.pen.lineTo(x, y) : this.pen.moveTo(x, y)));
      if (close) this.pen.closePath();
    }
    stroke(points, color, width, alpha = 1, dash = []) {
      Object.assign(this.pen, { strokeStyle: color, lineWidth: width, globalAlpha: alpha }); this.pen.setLineDash(dash);
      this.trail(points); this.pen.stroke(); this.pen.globalAlpha = 1; this.pen.setLineDash([]);
    }
    fill(color, alpha = 1) { Object.assign(this.pen, { fillStyle: color, globalAlpha: alpha }); this.pen.fill(); this.pen.globalAlpha = 1; }
    grid(corners) { // lines at round distances, inside the outline of `corners`
      const spans = [0, 1].map((axis) => [Math.min(...corners.map((c) => c[axis])), Math.max(...corners.map((c) => c[axis]))]);
      const rough = Math.max(...spans.map(([a, b]) => b - a)) / 7, power = 10 ** Math.floor(Math.log10(rough));
      const step = power * [1, 2, 5, 10].find((nice) => nice * power >= rough);
      this.pen.save(); this.trail(corners.map(this.place), true); this.pen.clip();
      for (const axis of [0, 1]) for (let k = Math.ceil(spans[axis][0] / step); k * step <= spans[axis][1]; k++) {
        const ends = spans[1 - axis].map((end) => (axis ? [end, k * step] : [k * step, end]).concat(corners[0].slice(2)));
        this.stroke(ends.map(this.place), this.colors.grid, 1, 0.8);
      }
      this.pen.restore();
    }
    floor(shapes) { // what lies under all else: the ground, or where none is given a grid over the scene's bounds
      const ground = shapes.filter((shape) => shape.role === "ground" && shape.kind === "polygon");
      for (const { points } of ground) { this.trail(points.map(this.place), true); this.fill(this.colors.ground); }
      const [[x, X], [y, Y], [z] = []] = this.camera.bounds;
      const rest = z === undefined ? [] : [z];
      const level = ground.filter(({ points }) => points.every((p) => p[2] === points[0][2])).map(({ points }) => points);
      for (const corners of ground.length ? level : [[[x, y], [X, y], [X, Y], [x, Y]].map((corner) => corner.concat(rest))]) this.grid(corners);
      return level.length ? Math.max(...level.map((points) => points[0][2] ?? 0)) : z;
    }
    shadows(shapes, height) { // all as one sheet, so that where they overlap it is no darker
      const { pen } = this, sheet = (this.sheet ??= document.createElement("canvas")), flat = Math.sin((this.camera.elevation * Math.PI) / 180);
      Object.assign(sheet, { width: this.canvas.width, height: this.canvas.height }); // which also clears it
      this.pen = sheet.getContext("2d");
      this.pen.setTransform(pen.getTransform());
      this.pen.lineCap = this.pen.lineJoin = "round";
      for (const { kind, points, width = 0, radius = 0, role } of shapes) if (!["ground", "goal", "demonstration"].includes(role)) {
        const under = points.map((p) => this.place([p[0], p[1], height])), [x, y, scale] = under[0];
        if (kind === "line") { this.stroke(under, "#000", Math.max(2, width * scale)); continue; }
        if (kind === "circle") { this.pen.beginPath(); this.pen.ellipse(x, y, radius * scale, radius * scale * flat, 0, 0, 7); } else this.trail(under, true);
        this.fill("#000");
      }
      this.pen = pen;
      pen.save(); pen.setTransform(1, 0, 0, 1, 0, 0); pen.globalAlpha = this.shade; pen.drawImage(sheet, 0, 0); pen.restore();
    }
    circle({ role, radius = 0 }, [x, y, scale]) {
      const size = Math.max(role === "agent" ? 4 : 2.5, radius * scale), color = this.colors[role];
      this.pen.beginPath(); this.pen.arc(x, y, size, 0, 7);
      if (role === "goal") { this.fill(color, 0.16); this.pen.strokeStyle = color; this.pen.lineWidth = 2; this.pen.stroke(); return; }
      this.fill(color);
      if (!this.camera.flat) {
        const light = this.pen.createRadialGradient(x - size * 0.35, y - size * 0.4, size * 0.1, x, y, size);
        light.addColorStop(0, "rgb(255 255 255 / 55%)"); light.addColorStop(0.55, "rgb(255 255 255 / 0%)"); light.addColorStop(1, "rgb(0 0 0 / 25%)");
        this.fill(light);
      }
      this.pen.strokeStyle = this.colors.scene; this.pen.lineWidth = 1.2; this.pen.stroke();
    }
    line({ role, width = 0 }, seen) {
      const wide = width * seen[0][2], size = role === "demonstration" ? 1.3 : Math.max(role === "object" ? 1.3 : 2, wide), color = this.colors[role];
      if (role === "ground") return this.stroke(seen, this.colors.rule, size);
      if (role === "demonstration") return this.stroke(seen, color, size, 0.55);
      if (size > 4) this.stroke(seen, this.colors.scene, size + 2.4);
      this.stroke(seen, color, size);
      if (size > 4 && !this.camera.flat) this.stroke(seen.map(([x, y]) => [x - size * 0.13, y - size * 0.16]), "#fff", size * 0.28, 0.32);
    }
    polygon({ role }, seen, points) { // in 3-D objects are as of glass, so that a hand inside one is seen
      const glass = role === "goal" || (role === "object" && !this.camera.flat), edge = glass ? this.colors[role] : this.colors.scene;
      this.trail(seen, true);
      this.fill(this.colors[role], glass ? 0.2 : role === "obstacle" ? 0.85 : 1);
      if (!this.camera.flat && points.length > 2) { // faces turned from the light, which comes from above, are darker
        const [a, b] = [1, 2].map((i) => points[i].map((value, axis) => value - points[0][axis]));
        const normal = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]], size = Math.hypot(...normal) || 1;
        this.fill("#000", (glass ? 0.1 : 0.28) * (1 - Math.abs(normal[2]) / size) * (0.6 + (0.4 * Math.abs(normal[0])) / size));
      }
      Object.assign(this.pen, { strokeStyle: edge, lineWidth: role === "goal" ? 2 : 1.2 }); this.pen.stroke();
    }
    goals(shapes) { // seen also through what hides them
      for (const { role, kind, points, radius } of shapes) if (role === "goal" && kind === "circle" && !this.camera.flat) {
        const [x, y, scale] = this.place(points[0]);
        Object.assign(this.pen, { strokeStyle: this.colors.goal, lineWidth: 1.6, globalAlpha: 0.6 });
        this.pen.beginPath(); this.pen.arc(x, y, Math.max(4, radius * scale), 0, 7); this.pen.stroke(); this.pen.globalAlpha = 1;
      }
    }
    shapes(shapes) { // in 2-D by role, in 3-D the far ones first, a line piece by piece
      const pieces = [];
      for (const shape of shapes) {
        if (shape.role === "ground" && shape.kind === "polygon") continue;
        const seen = shape.points.map(this.place), rank = ORDER.indexOf(shape.role);
        const depth = (list) => (this.camera.flat ? rank : (shape.role === "demonstration" ? -1e9 : list.reduce((sum, p) => sum + p[3], 0) / list.length + rank * 1e-6));
        if (shape.kind === "circle") pieces.push([depth(seen), () => this.circle(shape, seen[0])]);
        else if (shape.kind === "polygon") pieces.push([depth(seen), () => this.polygon(shape, seen, shape.points)]);
        else if (this.camera.flat || shape.role === "demonstration") pieces.push([depth(seen), () => this.line(shape, seen)]);
        else for (let i = 1; i < seen.length; i++) { const part = seen.slice(i - 1, i + 1); pieces.push([depth(part), () => this.line(shape, part)]); }
      }
      for (const [, draw] of pieces.sort((a, b) => a[0] - b[0])) draw();
    }
  }

  class Player {
    constructor(box) {
      const data = JSON.parse(box.querySelector("script.data").textContent), get = (query) => box.querySelector(query);
      Object.assign(this, { box, data, start: 0, time: 0, playing: false, camera: new Camera(data), brushes: all(".panel", box).map((panel) => new Brush(panel)) });
      Object.assign(this, { scrub: get(".scrub"), clock: get(".clock"), button: get(".play"), speed: get(".speed"), every: get(".all"), onward: get(".onward") });
      const points = data.moving.reduce((sum, shape) => sum + shape.count, 0);
      for (const run of data.runs) {
        const kept = Math.floor(run.steps / data.stride) + 1 + (run.steps % data.stride > 0);
        run.frames = decode(run.points, data.low, data.high, kept, points);
      }
      for (const { canvas } of this.brushes) canvas.style.aspectRatio = `1 / ${this.camera.ratio}`;
      this.bind();
      this.choose(0);
      if (calm.matches) this.seek(this.length);
      box.dataset.ready = data.runs.length;
    }
    run(method, start = this.start) { return this.data.runs.find((run) => run.method === method && run.start === start); }
    get length() { return Math.max(1, ...this.data.runs.filter((run) => run.start === this.start).map((run) => run.steps)); }
    choose(start) {
      this.start = start; this.scrub.max = this.length; this.rest = 0;
      all(".starts input", this.box)[start].checked = true;
      this.seek(0);
    }
    seek(time) { this.time = clamp(time, 0, this.length); this.rest = 0; this.draw(); }
    at(run, time) { // -> the points at a time between two steps
      const { stride } = this.data, frames = run.frames, last = frames.length - 1;
      const i = clamp(Math.floor(time / stride), 0, Math.max(0, last - 1));
      if (!last) return frames[0];
      const [from, to] = [i * stride, Math.min((i + 1) * stride, run.steps)], part = clamp((time - from) / (to - from), 0, 1);
      return frames[i].map((point, k) => point.map((value, axis) => value + part * (frames[i + 1][k][axis] - value)));
    }
    way(run, brush, time, last) {
      const seen = run.frames.slice(0, Math.floor(time / this.data.stride) + 1).map((frame) => brush.place(frame[this.data.traced]));
      if (last) seen.push(brush.place(last[this.data.traced]));
      return seen;
    }
    draw() {
      const { data } = this;
      this.brushes.forEach((brush, method) => {
        const run = this.run(method);
        brush.begin(this.camera);
        const height = brush.floor(data.fixed);
        if (this.every?.checked) for (const other of data.runs.filter((r) => r.method === method && r !== run))
          brush.stroke(this.way(other, brush, other.steps), brush.colors.mark, 1.2, 0.32, other.success ? [] : [4, 4]);
        this.badge(brush, run);
        if (!run) return brush.shapes(data.fixed);
        const time = Math.min(this.time, run.steps), points = this.at(run, time);
        let from = 0;
        const moving = data.moving.map((shape) => ({ ...shape, points: points.slice(from, (from += shape.count)) }));
        const shapes = [...data.fixed, ...moving];
        if (!this.camera.flat) brush.shadows(shapes, height);
        const still = shapes.filter((shape) => this.camera.flat && ["demonstration", "obstacle", "goal"].includes(shape.role));
        brush.shapes(still);
        if (data.traced !== null) brush.stroke(this.way(run, brush, time, points), brush.colors.mark, 2.2, 0.75);
        brush.shapes(shapes.filter((shape) => !still.includes(shape)));
        brush.goals(shapes);
      });
      this.scrub.value = this.time;
      this.clock.textContent = `step ${Math.floor(this.time + 1e-6)} of ${this.length}`;
    }
    badge(brush, run) {
      const badge = brush.panel.querySelector(".badge"), over = run && this.time >= run.steps;
      const text = !run ? "not recorded" : over ? `${run.success ? "✓ success" : "✕ failure"}, ${run.steps} steps` : "";
      if (badge.textContent !== text) Object.assign(badge, { textContent: text, className: "badge" + (over ? (run.success ? " won" : " lost") : "") });
    }
    play(on) {
      if (on === this.playing) return;
      this.playing = on;
      this.box.classList.toggle("playing", on);
      this.button.setAttribute("aria-label", on ? "Pause" : "Play");
      if (!on) return;
      if (this.time >= this.length) this.seek(0);
      let before = null;
      const tick = (now) => {
        if (!this.playing) return;
        const passed = before === null ? 0 : Math.min(0.1, (now - before) / 1000);
        before = now;
        if (this.time < this.length) { this.seek(this.time + passed * this.data.rate * Number(this.speed.value)); }
        else if ((this.rest += passed) > 1.1) this.choose(this.onward.checked ? (this.start + 1) % this.data.starts.length : this.start);
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    }
    bind() {
      let asked = calm.matches; // nothing moves by itself where that is not wanted, or once the reader took over
      const hand = (act) => (event) => { asked = true; act(event); };
      this.button.addEventListener("click", hand(() => this.play(!this.playing)));
      this.scrub.addEventListener("input", hand(() => { this.play(false); this.seek(Number(this.scrub.value)); }));
      this.every?.addEventListener("change", () => this.draw());
      all(".starts input", this.box).forEach((input, start) => input.addEventListener("change", hand(() => this.choose(start))));
      new IntersectionObserver(([entry]) => { if (!asked) this.play(entry.isIntersecting); }, { threshold: 0.3 }).observe(this.box.querySelector(".panels"));
      new ResizeObserver(() => this.draw()).observe(this.box.querySelector(".panels"));
      dark.addEventListener("change", () => { this.brushes.forEach((brush) => brush.dress()); this.draw(); });
      if (this.camera.flat) return;
      const turn = (right, up) => { this.camera.look(this.camera.azimuth - right, this.camera.elevation + up); this.draw(); };
      this.box.querySelector(".reset").addEventListener("click", () => { this.camera.look(...this.camera.home); this.draw(); });
      for (const { canvas } of this.brushes) {
        canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
        canvas.addEventListener("pointermove", (event) => { if (canvas.hasPointerCapture(event.pointerId)) turn(event.movementX * 0.5, event.movementY * 0.4); });
        canvas.addEventListener("keydown", (event) => {
          const step = { ArrowLeft: [-6, 0], ArrowRight: [6, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] }[event.key];
          if (step) { event.preventDefault(); turn(...step); }
        });
      }
    }
  }
  for (const box of all(".player")) new Player(box);
  root.dataset.done = "yes";
})();
