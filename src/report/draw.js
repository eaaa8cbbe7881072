// Charts as SVG: lines, points, boxes, bars, maps and parallel axes, with what the pointer shows, zoom and a legend.

const space = Object.assign(document.createElement('div'), { innerHTML: '<svg></svg>' }).firstChild.namespaceURI;
function svg(name, attributes, ...inside) {
  const made = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

// A number to three digits, with a unit where it is large.
function compact(x) {
  for (const [size, unit] of [[1e9, ' G'], [1e6, ' M'], [1e4, ' k']]) {
    if (Math.abs(x) >= size) return +(x / (unit === ' k' ? 1e3 : size)).toPrecision(3) + unit;
  }
  return String(+x.toPrecision(3));
}

function percent(share) {
  const edge = (share > 0.995 && share < 1) || (share < 0.005 && share > 0);
  return (100 * share).toFixed(edge ? 1 : 0) + ' %';
}

// From dark blue to yellow (viridis).
const scale = ['#440154', '#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#a0da39', '#fde725'];

// A colour of the scale, or of a part of it, at a share.
function shade(share, colours = scale) {
  const at = Math.min(1, Math.max(0, share)) * (colours.length - 1), low = Math.min(Math.floor(at), colours.length - 2);
  const part = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
  return `rgb(${[0, 1, 2].map((k) => Math.round(part(colours[low], k) + (part(colours[low + 1], k) - part(colours[low], k)) * (at - low)))})`;
}

// An axis from pixel `from` to pixel `to`: `at` places a value, `value` reads a pixel, `ticks` are values with their labels. Its
// `look` may have names, log, share, from, to and ticks; `zoom` is a range of values.
function axisOver(look, numbers, from, to, zoom) {
  if (look.names) {
    const step = (to - from) / Math.max(1, look.names.length);
    return { at: (name) => from + step * (look.names.indexOf(name) + 0.5), half: Math.abs(step) / 2, ticks: look.names.map((name) => [name, name]) };
  }
  const f = look.log ? Math.log10 : (x) => x, back = look.log ? (x) => 10 ** x : (x) => x;
  let low = Infinity, high = -Infinity;
  for (const x of numbers) if (Number.isFinite(x) && (x > 0 || !look.log)) { low = Math.min(low, f(x)); high = Math.max(high, f(x)); }
  if (low > high) [low, high] = [0, 1];
  const air = (high - low) * 0.04 || 0.1;
  [low, high] = zoom ? zoom.map(f) : [look.from ?? low - air, look.to ?? high + air];
  const at = (x) => (look.log && !(x > 0) ? NaN : from + ((f(x) - low) / (high - low)) * (to - from));
  const value = (pixel) => back(low + ((pixel - from) / (to - from)) * (high - low));
  let ticks = look.ticks;
  if (!ticks && look.log && high - low > 0.9) {
    const every = Math.ceil((high - low) / 6), steps = high - low < 2.5 ? [1, 2, 5] : [1];
    ticks = [];
    for (let power = Math.floor(low); power <= high; power += every) ticks.push(...steps.map((k) => k * 10 ** power));
  } else if (!ticks) {
    const [a, b] = [back(low), back(high)], rough = (b - a) / 5, unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 2.5, 5, 10].find((k) => k * unit >= rough * 0.9);
    ticks = Array.from({ length: Math.floor(b / step) - Math.ceil(a / step) + 1 }, (_, k) => +((Math.ceil(a / step) + k) * step).toPrecision(12));
  }
  const inside = ticks.filter((x) => f(x) >= low - 1e-9 && f(x) <= high + 1e-9);
  return { at, value, half: 0, ticks: inside.map((x) => [x, look.share ? percent(x) : compact(x)]) };
}

// A box beside the pointer.
const tip = document.createElement('div');
tip.id = 'tip';
function point(event, text) {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  document.body.append(tip);
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4))}px`;
  tip.style.top = `${Math.max(4, event.clientY - height - 10)}px`;
}

// What the pointer can meet in a chart: rectangles, and points that come before them within 14 pixels.
function met(spots, x, y) {
  let best = null, distance = 14;
  for (const spot of spots) {
    const away = spot.box ? (spot.box[0] <= x && x <= spot.box[2] && spot.box[1] <= y && y <= spot.box[3] ? 13.9 : 99) : Math.hypot(spot.x - x, spot.y - y);
    if (away < distance) [best, distance] = [spot, away];
  }
  return best;
}

// Each kind of trace: puts its marks into `home`, and what the pointer meets there into `spots`.
const kinds = {
  line({ x, y, colour, band, error, dots, says }, home, spots, X, Y) {
    const path = (places) => places.filter((k) => Number.isFinite(X.at(x[k])) && Number.isFinite(Y.at(y[k])));
    const line = (places, of) => places.map((k, n) => `${n ? 'L' : 'M'}${X.at(x[k]).toFixed(1)},${Y.at(of[k]).toFixed(1)}`).join('');
    const all = path([...x.keys()]);
    if (band) home.append(svg('path', { d: `${line(all, band[0])}${line(all.slice().reverse(), band[1]).replace('M', 'L')}Z`, fill: colour, opacity: 0.16 }));
    if (error) for (const k of all) home.append(svg('path', { d: `M${X.at(x[k])},${Y.at(error[0][k])}V${Y.at(error[1][k])}`, stroke: colour }));
    home.append(svg('path', { d: line(all, y), fill: 'none', stroke: colour, 'stroke-width': 1.8 }));
    for (const k of all) {
      if (dots) home.append(svg('circle', { cx: X.at(x[k]), cy: Y.at(y[k]), r: 3.5, fill: colour }));
      spots.push({ x: X.at(x[k]), y: Y.at(y[k]), says: () => says(k) });
    }
  },
  points({ x, y, colour, picks, says }, home, spots, X, Y) {
    x.forEach((_, k) => {
      // Points of one value lie side by side, in an order that is the same each time.
      const aside = X.half * 0.6 * (((picks[k] * 0.618034) % 1) - 0.5), [px, py] = [X.at(x[k]) + aside, Y.at(y[k])];
      if (!Number.isFinite(py)) return;
      home.append(svg('circle', { cx: px.toFixed(1), cy: py.toFixed(1), r: 2.5, fill: colour, opacity: 0.45 }));
      spots.push({ x: px, y: py, says: () => says(k), pick: picks[k] });
    });
  },
  box({ x, quantiles, colour, says }, home, spots, X, Y) {
    const [low, q1, middle, q3, high] = quantiles.map(Y.at), at = X.at(x), w = X.half * 0.7;
    home.append(svg('path', { d: `M${at},${low}V${q1}M${at},${q3}V${high}M${at - w / 2},${low}h${w}M${at - w / 2},${high}h${w}`, stroke: colour, fill: 'none' }),
      svg('rect', { x: at - w, y: q3, width: 2 * w, height: Math.max(1, q1 - q3), stroke: colour, fill: colour, 'fill-opacity': 0.16 }),
      svg('path', { d: `M${at - w},${middle}h${2 * w}`, stroke: colour, 'stroke-width': 2 }));
    spots.push({ box: [at - w, high, at + w, low], says });
  },
  bars({ x, y, colour, says }, home, spots, X, Y) {
    x.forEach((_, k) => {
      const [at, top, w] = [X.at(x[k]), Y.at(y[k]), X.half * 0.8];
      home.append(svg('rect', { x: at - w, y: top, width: 2 * w, height: Math.max(0, Y.at(0) - top), fill: colour }));
      spots.push({ box: [at - w, Math.min(top, Y.at(0) - 8), at + w, Y.at(0)], says: () => says(k) });
    });
  },
  // Cells end halfway to the next ones.
  map({ x, y, z, most, words, says }, home, spots, X, Y) {
    const ends = (values, axis) => {
      const at = values.map(axis.at), between = at.slice(1).map((next, k) => (at[k] + next) / 2);
      const first = axis.half ? at[0] - Math.sign(at[1] - at[0] || 1) * axis.half : at[0] - ((between[0] ?? at[0] + 8) - at[0]);
      const last = axis.half ? at.at(-1) + Math.sign(at.at(-1) - at.at(-2) || 1) * axis.half : at.at(-1) + (at.at(-1) - (between.at(-1) ?? at.at(-1) - 8));
      return [first, ...between, last];
    };
    if (!x.length || !y.length) return;
    const [xs, ys] = [ends(x, X), ends(y, Y)], gap = words || X.half ? 1 : 0;
    y.forEach((_, row) => x.forEach((_, column) => {
      const [x0, x1] = [xs[column], xs[column + 1]].sort((a, b) => a - b), [y0, y1] = [ys[row], ys[row + 1]].sort((a, b) => a - b);
      const share = z[row][column], box = [x0, y0, x1, y1];
      spots.push({ box, says: () => says(column, row) });
      if (share === null || !Number.isFinite(x0)) return;
      home.append(svg('rect', { x: x0 + gap, y: y0 + gap, width: Math.max(0.5, x1 - x0 - 2 * gap), height: Math.max(0.5, y1 - y0 - 2 * gap), fill: shade(share / most), 'shape-rendering': 'crispEdges' }));
      if (!words) return;
      words[row][column].split('\n').forEach((word, k, all) => home.append(svg('text', {
        x: (x0 + x1) / 2, y: (y0 + y1) / 2 + 14 * (k - (all.length - 1) / 2) + 4, 'text-anchor': 'middle', class: 'cell', fill: share / most > 0.55 ? '#111' : '#fff',
      }, word)));
    }));
  },
};

// Draws in an element, and again when its size changes.
function fit(home, traces, render) {
  [home.traces, home.render] = [traces, render];
  if (!home.watched) {
    home.watched = new ResizeObserver(() => home.render());
    home.watched.observe(home);
  }
  render();
}

// A chart in an element. `look` has both axes, a legend if wanted, and marks: upright lines, as [value, colour]. Dragging zooms, a
// double click shows all again. `pick` is called with the number of a point that is clicked.
function chart(home, traces, look, pick) {
  fit(home, traces, () => drawn(home, traces, look, pick));
}

function drawn(home, traces, look, pick) {
  const width = home.clientWidth, height = home.clientHeight;
  if (!width || !height) return;
  const named = look.legend ? traces.filter((trace) => trace.name) : [];
  const [left, top, right, bottom] = [64, named.length ? 34 : 12, width - 16, height - 48];
  const numbers = (side) => traces.flatMap((trace) => [...(trace.kind === 'box' ? (side === 'y' ? trace.quantiles : []) : trace[side]), ...(side === 'y' && trace.band ? trace.band.flat() : [])]);
  const X = axisOver(look.x, numbers('x'), left, right, home.zoom?.x), Y = axisOver(look.y, numbers('y'), bottom, top, home.zoom?.y);
  const page = svg('svg', { width, height, role: 'img', 'aria-label': `${look.y.title} by ${look.x.title}` });
  const clip = `clip-${home.id}`, marks = svg('g', { class: 'marks', 'clip-path': `url(#${clip})` }), spots = [];
  page.append(svg('clipPath', { id: clip }, svg('rect', { x: left, y: top, width: right - left, height: bottom - top })));
  // Labels that would touch are left out.
  let free = -Infinity;
  for (const [value, label] of X.ticks) {
    const at = X.at(value), half = 3.7 * label.length;
    if (!X.half) page.append(svg('path', { d: `M${at},${top}V${bottom}`, class: 'grid' }));
    if (at - half > free) page.append(svg('text', { x: at, y: bottom + 17, 'text-anchor': 'middle' }, label));
    if (at - half > free) free = at + half + 6;
  }
  let last = Infinity;
  for (const [value, label] of Y.ticks) {
    const at = Y.at(value);
    if (!Y.half) page.append(svg('path', { d: `M${left},${at}H${right}`, class: 'grid' }));
    if (at < last - 13) page.append(svg('text', { x: left - 6, y: at + 4, 'text-anchor': 'end' }, label));
    if (at < last - 13) last = at;
  }
  page.append(svg('text', { x: (left + right) / 2, y: height - 8, 'text-anchor': 'middle' }, look.x.title));
  page.append(svg('text', { transform: `translate(13,${(top + bottom) / 2}) rotate(-90)`, 'text-anchor': 'middle' }, look.y.title));
  let place = left;
  for (const { name, colour } of named) {
    page.append(svg('rect', { x: place, y: 10, width: 14, height: 4, fill: colour }), svg('text', { x: place + 19, y: 17 }, name));
    place += 34 + 7.2 * name.length;
  }
  for (const trace of traces) kinds[trace.kind](trace, marks, spots, X, Y);
  for (const [value, colour] of look.marks ?? []) marks.append(svg('path', { d: `M${X.at(value)},${top}V${bottom}`, stroke: colour, 'stroke-dasharray': '2 3' }));
  const frame = svg('rect', { class: 'zoom', hidden: '' });
  page.append(marks, frame);
  home.spots = spots;
  home.replaceChildren(page);

  const inside = (event) => {
    const { left: x, top: y } = page.getBoundingClientRect();
    return [event.clientX - x, event.clientY - y];
  };
  let from = null;
  page.addEventListener('pointermove', (event) => {
    const [x, y] = inside(event);
    if (!from) return point(event, met(spots, x, y)?.says());
    for (const [name, value] of [['x', Math.min(x, from[0])], ['y', Math.min(y, from[1])], ['width', Math.abs(x - from[0])], ['height', Math.abs(y - from[1])]]) frame.setAttribute(name, value);
  });
  page.addEventListener('pointerleave', (event) => point(event, ''));
  page.addEventListener('pointerdown', (event) => { from = inside(event); });
  page.addEventListener('pointerup', (event) => {
    const to = inside(event), [dx, dy] = [0, 1].map((k) => Math.abs(to[k] - (from ?? to)[k]));
    const start = from;
    from = null;
    if (dx < 8 && dy < 8) {
      const spot = met(spots, ...to);
      if (spot?.pick !== undefined) pick?.(spot.pick);
      return;
    }
    const range = (axis, a, b) => (axis.value ? [axis.value(Math.min(a, b)), axis.value(Math.max(a, b))].sort((p, q) => p - q) : undefined);
    home.zoom = { x: dx < 8 ? home.zoom?.x : range(X, start[0], to[0]), y: dy < 8 ? home.zoom?.y : range(Y, start[1], to[1]) };
    home.render();
  });
  page.addEventListener('dblclick', () => { home.zoom = undefined; home.render(); });
}

// Trials as lines through parallel axes; dragging along an axis picks those within, a click on it all again. A dimension has a name,
// values in [0, 1], and ticks as [place, label]; `says` and `pick` are about a line.
function parallel(home, dimensions, colours, says, pick) {
  fit(home, [dimensions, colours], () => crossed(home, dimensions, colours, says, pick));
}

function crossed(home, dimensions, colours, says, pick) {
  const width = home.clientWidth, height = home.clientHeight, page = svg('svg', { width, height, role: 'img', 'aria-label': 'trials on parallel axes' });
  const [top, bottom] = [36, height - 16], at = (k) => 70 + ((width - 150) * k) / Math.max(1, dimensions.length - 1), down = (v) => bottom - v * (bottom - top);
  const lines = svg('g', { class: 'marks' });
  const made = colours.map((colour, line) => {
    const d = dimensions.map(({ values }, k) => `${k ? 'L' : 'M'}${at(k).toFixed(1)},${down(values[line]).toFixed(1)}`).join('');
    const path = svg('path', { d, fill: 'none', stroke: colour, opacity: 0.5 });
    path.addEventListener('pointermove', (event) => point(event, says(line)));
    path.addEventListener('pointerleave', (event) => point(event, ''));
    path.addEventListener('click', () => pick(line));
    return path;
  });
  lines.append(...made);
  page.append(lines);
  const chosen = dimensions.map(() => null);
  const choose = () => made.forEach((path, line) => {
    const within = chosen.every((range, k) => !range || (dimensions[k].values[line] >= range[0] && dimensions[k].values[line] <= range[1]));
    path.setAttribute('opacity', within ? 0.5 : 0.03);
  });
  dimensions.forEach(({ name, ticks }, k) => {
    const brush = svg('rect', { x: at(k) - 6, width: 12, y: 0, height: 0, class: 'zoom' }), axis = svg('rect', { x: at(k) - 10, y: top - 6, width: 20, height: bottom - top + 12, class: 'axis' });
    page.append(svg('path', { d: `M${at(k)},${top}V${bottom}`, stroke: 'currentColor' }), svg('text', { x: at(k), y: 16, 'text-anchor': 'middle' }, name));
    for (const [place, label] of ticks) page.append(svg('text', { x: at(k) + 8, y: down(place) + 4, class: 'over' }, label));
    page.append(brush, axis);
    let from = null;
    const value = (event) => Math.min(1, Math.max(0, (bottom - (event.clientY - page.getBoundingClientRect().top)) / (bottom - top)));
    axis.addEventListener('pointerdown', (event) => { from = value(event); axis.setPointerCapture(event.pointerId); });
    axis.addEventListener('pointerup', (event) => {
      const ends = [from, value(event)].sort((a, b) => a - b);
      chosen[k] = ends[1] - ends[0] < 0.02 ? null : ends;
      brush.setAttribute('y', chosen[k] ? down(ends[1]) : 0);
      brush.setAttribute('height', chosen[k] ? down(ends[0]) - down(ends[1]) : 0);
      choose();
    });
  });
  home.replaceChildren(page);
}
