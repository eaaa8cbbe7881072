// The charts: each is a function from the trials that pass the filters to traces and a layout.

// From dark blue to yellow, the ends left out that a light or a dark page would swallow (viridis).
const scale = ['#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#a0da39'];
// Okabe and Ito's colours, told apart with any colour vision.
const outcomeColours = { solved: '#0072b2', proved: '#009e73', unsolved: '#e69f00', diverged: '#d55e00', failed: '#cc79a7' };

function colour(place, count) {
  const at = count < 2 ? 2 : (place / (count - 1)) * (scale.length - 1), low = Math.floor(at);
  const part = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
  const high = Math.min(low + 1, scale.length - 1);
  const mix = [0, 1, 2].map((k) => Math.round(part(scale[low], k) + (part(scale[high], k) - part(scale[low], k)) * (at - low)));
  return `rgb(${mix})`;
}

const translucent = (rgb) => rgb.replace('rgb', 'rgba').replace(')', ',0.16)');

// The axis that a chart groups by, and the one for its other side.
const by = { group: null, rows: null };

function label(axis, code) { return axis.values[code] === null ? 'none' : String(axis.values[code]); }

function layout(x, y, more = {}) {
  return frame(x, y, { hoverlabel: { align: 'left', namelength: -1 }, showlegend: false, ...more });
}

function heat(trials) {
  const [columns, rows] = [by.group, by.rows];
  const cells = rows.values.map(() => columns.values.map(() => [0, 0]));
  for (const i of trials) {
    const cell = cells[rows.codes[i]][columns.codes[i]];
    cell[1]++;
    if (isSolved(i)) cell[0]++;
  }
  const each = (f) => cells.map((row) => row.map(f));
  const says = each(([yes, n]) => {
    if (!n) return 'no trial';
    const [low, high] = wilson(yes, n);
    return `${yes} of ${n} solved<br>95 %: ${percent(low)} to ${percent(high)}`;
  });
  const shown = each(([yes, n]) => {
    if (!n) return '';
    const [low, high] = wilson(yes, n);
    return `${percent(yes / n)}<br>${Math.round(100 * low)}–${Math.round(100 * high)}`;
  });
  const few = columns.values.length <= 16 && rows.values.length <= 16;
  return [[{
    type: 'heatmap', z: each(([yes, n]) => (n ? yes / n : null)), zmin: 0, zmax: 1, colorscale: 'Viridis', xgap: 2, ygap: 2,
    x: columns.values.map((_, code) => label(columns, code)), y: rows.values.map((_, code) => label(rows, code)),
    text: shown, customdata: says, texttemplate: few ? '%{text}' : '', textfont: { size: columns.values.length > 7 ? 10 : 13 }, colorbar: { title: { text: 'solved' }, tickformat: '.0%' },
    hovertemplate: `${columns.name} %{x}, ${rows.name} %{y}<br>%{customdata}<extra></extra>`,
  }], layout(columns.name, rows.name, { xaxis: { type: 'category' }, yaxis: { type: 'category' } })];
}

// A box and its points for each value of the axis; at most 900 points, evenly picked, are drawn and can be pointed at: each is
// an element of the page.
function boxes(trials, measure, title) {
  const axis = by.group, traces = [], every = Math.max(1, Math.ceil(trials.length / 900));
  for (const [code, members] of groups(trials, axis)) {
    const values = ascending(members.map(measure));
    const tint = colour(code, axis.values.length), x = label(axis, code);
    const [low, q1, middle, q3, high] = [0.05, 0.25, 0.5, 0.75, 0.95].map((q) => quantile(values, q));
    traces.push({
      type: 'box', x: [x], lowerfence: [low], q1: [q1], median: [middle], q3: [q3], upperfence: [high], name: x,
      marker: { color: tint }, line: { color: tint }, fillcolor: translucent(tint), hoverinfo: 'y',
    });
    const some = members.filter((_, place) => place % every === 0);
    traces.push({
      type: 'scatter', mode: 'markers', x: some.map(() => x), y: some.map(measure), name: x, customdata: some,
      text: some.map(hover), hovertemplate: '%{text}<extra></extra>', marker: { color: tint, size: 5, opacity: 0.45 },
    });
  }
  return [traces, layout(axis.name, title, {
    xaxis: { type: 'category', categoryorder: 'array', categoryarray: axis.values.map((_, code) => label(axis, code)) },
    yaxis: { type: 'log' },
  })];
}

// What a trial's curve is at each of the stored updates: a solved one makes no errors after its end, another stays where it was.
function curveAt(i, step) {
  const curve = data.curves[i];
  if (step < curve.length) return curve[step];
  return isSolved(i) || !curve.length ? 0 : curve[curve.length - 1];
}

function curves(trials) {
  const axis = by.group, traces = [];
  for (const [code, members] of groups(trials.filter((i) => data.curves[i].length), axis)) {
    const steps = members.reduce((most, i) => Math.max(most, data.curves[i].length), 0);
    const at = [0.1, 0.5, 0.9].map(() => []);
    for (let step = 0; step < steps; step++) {
      const values = ascending(members.map((i) => curveAt(i, step)));
      [0.1, 0.5, 0.9].forEach((q, k) => at[k].push(quantile(values, q)));
    }
    const x = data.curve_updates.slice(0, steps), name = `${axis.name} ${label(axis, code)}`;
    const tint = colour(code, axis.values.length);
    const none = { mode: 'lines', line: { width: 0 }, hoverinfo: 'skip', showlegend: false };
    traces.push({ ...none, x, y: at[0] }, { ...none, x, y: at[2], fill: 'tonexty', fillcolor: translucent(tint) }, {
      mode: 'lines', x, y: at[1], name, line: { color: tint, width: 2 }, customdata: at[0].map((low, k) => [low, at[2][k]]),
      hovertemplate: `${name}, update %{x}<br>%{y:.1%} of bits wrong, 80 % of trials: %{customdata[0]:.1%} to %{customdata[1]:.1%}<extra></extra>`,
    });
  }
  return [traces, layout('updates', 'wrong bits', {
    showlegend: true, legend: { orientation: 'h', y: 1.12, traceorder: 'normal' }, xaxis: { type: 'log' }, yaxis: { tickformat: '.0%', rangemode: 'tozero' },
  })];
}

function widths(trials) {
  const axis = by.group, traces = [];
  for (const [code, members] of groups(trials.filter(isSolved), axis)) {
    const x = [], y = [], above = [], below = [], says = [];
    for (const { bits, wrong } of data.tests) {
      const tried = members.filter((i) => wrong[i] !== null);
      if (!tried.length) continue;
      const yes = tried.filter((i) => wrong[i] === 0).length, [low, high] = wilson(yes, tried.length);
      x.push(bits); y.push(yes / tried.length); above.push(high - y.at(-1)); below.push(y.at(-1) - low);
      says.push(`${yes} of ${tried.length} solved nets, 95 %: ${percent(low)} to ${percent(high)}`);
    }
    const tint = colour(code, axis.values.length), name = `${axis.name} ${label(axis, code)}`;
    traces.push({
      mode: 'lines+markers', x, y, name, text: says, line: { color: tint }, marker: { color: tint },
      error_y: { type: 'data', symmetric: false, array: above, arrayminus: below, thickness: 1, width: 3 },
      hovertemplate: `${name}, at %{x} bits<br>%{text}<extra></extra>`,
    });
  }
  return [traces, layout('width tried, bits', 'nets without a wrong sum', {
    showlegend: true, legend: { orientation: 'h', y: 1.12, traceorder: 'normal' }, xaxis: { type: 'log', tickvals: data.tests.map((test) => test.bits) },
    yaxis: { tickformat: '.0%', range: [-0.02, 1.05] },
  })];
}

function parallel(trials) {
  const every = Math.max(1, Math.ceil(trials.length / 1200)), some = trials.filter((_, place) => place % every === 0);
  const coded = (axis) => ({
    label: axis.name, values: some.map((i) => axis.codes[i]), range: [0, Math.max(1, axis.values.length - 1)],
    ...(axis.values.length <= 16 ? { tickvals: [...axis.values.keys()], ticktext: axis.values.map((_, code) => label(axis, code)) }
      : { tickvals: [0, axis.values.length - 1], ticktext: [label(axis, 0), label(axis, axis.values.length - 1)] }),
  });
  const powers = (name, value) => {
    const values = some.map((i) => Math.log10(Math.max(value(i), 1e-9)));
    const low = Math.floor(Math.min(...values)), high = Math.ceil(Math.max(...values));
    const tickvals = Array.from({ length: high - low + 1 }, (_, k) => low + k);
    return { label: name, values, range: [low, Math.max(high, low + 1)], tickvals, ticktext: tickvals.map((p) => compact(10 ** p)) };
  };
  if (!some.length) return [[], layout('', '')];
  const count = data.outcomes.length;
  const colours = data.outcomes.flatMap((name, k) => [[k / count, outcomeColours[name]], [(k + 1) / count, outcomeColours[name]]]);
  return [[{
    type: 'parcoords', line: { color: some.map((i) => data.outcome[i] + 0.5), cmin: 0, cmax: count, colorscale: colours },
    dimensions: [...varying.map(coded), powers('samples', (i) => data.samples[i]), powers('ms', (i) => data.seconds[i] * 1000),
      { label: 'outcome', values: some.map((i) => data.outcome[i]), range: [0, Math.max(1, count - 1)], tickvals: [...Array(count).keys()], ticktext: data.outcomes }],
    labelfont: { color: style('--ink') }, tickfont: { color: style('--ink') }, rangefont: { color: 'rgba(0,0,0,0)' },
    unselected: { line: { opacity: 0.05 } },
  }], layout('', '', { margin: { l: 60, r: 60, t: 50, b: 24 } })];
}

function proofs(trials) {
  const axis = by.group, x = [], y = [], text = [];
  for (const [code, members] of groups(trials.filter(isSolved), axis)) {
    const yes = members.filter((i) => data.outcomes[data.outcome[i]] === 'proved').length;
    const [low, high] = wilson(yes, members.length);
    x.push(label(axis, code)); y.push(yes / members.length);
    text.push(`${yes} of ${members.length} solved nets, 95 %: ${percent(low)} to ${percent(high)}`);
  }
  return [[{ type: 'bar', x, y, text, textposition: 'none', marker: { color: outcomeColours.proved }, hovertemplate: '%{text}<extra></extra>' }],
    layout(axis.name, 'proved', { xaxis: { type: 'category' }, yaxis: { tickformat: '.0%', range: [0, 1] } })];
}

// Every chart of the page, in its order: what it is called, what is said of it, and the function that draws it.
const charts = [
  { id: 'heat', title: 'How often it is solved', note: "Share of trials, and Wilson's 95 % interval below it.",
    draw: heat },
  { id: 'samples', title: 'Samples to solve', note: 'Additions learned from, solved trials; box: quartiles, whiskers: 5 % and 95 %; points: 900 trials at most, evenly picked, since each is an element of the page.',
    draw: (trials) => boxes(trials.filter(isSolved), (i) => data.samples[i], 'samples to solve') },
  { id: 'seconds', title: 'Time to solve', note: 'One thread, checks included, solved trials; box as before.',
    draw: (trials) => boxes(trials.filter(isSolved), (i) => data.seconds[i] * 1000, 'milliseconds to solve') },
  { id: 'curves', title: 'How the error falls', note: 'Wrong bits in the minibatch of an update: median, and the middle 80 % of trials. A solved trial counts as 0 after its end.',
    draw: curves },
  { id: 'widths', title: 'Wider numbers than it learned', note: "Solved nets that make no mistake in test-pairs random sums of a width, with Wilson's 95 % intervals. Where a net made none in n sums, up to 3/n of all may be wrong, at 95 %.",
    draw: widths },
  { id: 'speed', title: 'Speed', note: 'Additions learned from in a second of one thread, checks included.',
    draw: (trials) => boxes(trials.filter((i) => data.seconds[i] > 0), (i) => data.samples[i] / data.seconds[i], 'samples a second') },
  { id: 'proofs', title: 'Proofs', note: 'Solved nets that are proved to add at every width.',
    draw: proofs, when: data.outcomes.includes('proved') },
  { id: 'parallel', title: 'All trials at once', note: 'A line is a trial, of 1,200 at most, evenly picked; drag along an axis to pick some. Blue solved, green proved, yellow unsolved, orange diverged, pink failed.',
    draw: parallel, wide: true },
].filter(({ when = true }) => when);
