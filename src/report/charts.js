// The charts: each is a function from the trials that pass the filters to traces and the look of the axes.

// The ends are left out that a light or a dark page would swallow.
const tints = scale.slice(1, -1);
// Okabe and Ito's colours, told apart with any colour vision.
const outcomeColours = { solved: '#0072b2', proved: '#009e73', unsolved: '#e69f00', diverged: '#d55e00', failed: '#cc79a7' };

const colour = (place, count) => shade(count < 2 ? 0.4 : place / (count - 1), tints);

// The axis that a chart groups by, and the one for its other side.
const by = { group: null, rows: null };

function label(axis, code) { return axis.values[code] === null ? 'none' : String(axis.values[code]); }

const names = (axis) => axis.values.map((_, code) => label(axis, code));
const interval = (yes, n, what) => `${yes} of ${n} ${what}\n95 %: ${wilson(yes, n).map(percent).join(' to ')}`;

function heat(trials) {
  const [columns, rows] = [by.group, by.rows];
  const cells = rows.values.map(() => columns.values.map(() => [0, 0]));
  for (const i of trials) {
    const cell = cells[rows.codes[i]][columns.codes[i]];
    cell[1]++;
    if (isSolved(i)) cell[0]++;
  }
  const each = (f) => cells.map((row) => row.map(f));
  const says = (column, row) => {
    const [yes, n] = cells[row][column];
    return `${columns.name} ${label(columns, column)}, ${rows.name} ${label(rows, row)}\n${n ? interval(yes, n, 'solved') : 'no trial'}`;
  };
  const shown = ([yes, n]) => (n ? `${percent(yes / n)}\n${wilson(yes, n).map((end) => Math.round(100 * end)).join('–')}` : '');
  const few = columns.values.length <= 12 && rows.values.length <= 10;
  return [[{ kind: 'map', x: names(columns), y: names(rows), z: each(([yes, n]) => (n ? yes / n : null)), most: 1, words: few ? each(shown) : null, says }],
    { x: { title: columns.name, names: names(columns) }, y: { title: rows.name, names: names(rows) } }];
}

// A box and its points for each value of the axis; at most 900 points, evenly picked, are drawn and can be pointed at: each is
// an element of the page.
function boxes(trials, measure, title) {
  const axis = by.group, traces = [], every = Math.max(1, Math.ceil(trials.length / 900));
  for (const [code, members] of groups(trials, axis)) {
    const values = ascending(members.map(measure)), x = label(axis, code), tint = colour(code, axis.values.length);
    const quantiles = [0.05, 0.25, 0.5, 0.75, 0.95].map((q) => quantile(values, q));
    const [low, q1, middle, q3, high] = quantiles.map(compact);
    traces.push({ kind: 'box', x, quantiles, colour: tint, says: () => `${axis.name} ${x}: ${members.length} trials\nmedian ${middle}, half ${q1} to ${q3}, 90 % ${low} to ${high}` });
    const some = members.filter((_, place) => place % every === 0);
    traces.push({ kind: 'points', x: some.map(() => x), y: some.map(measure), colour: tint, picks: some, says: (k) => hover(some[k]) });
  }
  return [traces, { x: { title: axis.name, names: names(axis) }, y: { title, log: true } }];
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
    const says = (k) => `${name}, update ${x[k].toLocaleString('en')}\n${percent(at[1][k])} of bits wrong, 80 % of trials: ${percent(at[0][k])} to ${percent(at[2][k])}`;
    traces.push({ kind: 'line', name, x, y: at[1], colour: colour(code, axis.values.length), band: [at[0], at[2]], says });
  }
  return [traces, { legend: true, x: { title: 'updates', log: true }, y: { title: 'wrong bits', share: true, from: 0 } }];
}

function widths(trials) {
  const axis = by.group, traces = [];
  for (const [code, members] of groups(trials.filter(isSolved), axis)) {
    const x = [], y = [], error = [[], []], counts = [];
    for (const { bits, wrong } of data.tests) {
      const tried = members.filter((i) => wrong[i] !== null);
      if (!tried.length) continue;
      const yes = tried.filter((i) => wrong[i] === 0).length;
      x.push(bits); y.push(yes / tried.length);
      wilson(yes, tried.length).forEach((end, k) => error[k].push(end));
      counts.push(interval(yes, tried.length, 'solved nets'));
    }
    const name = `${axis.name} ${label(axis, code)}`;
    traces.push({ kind: 'line', name, x, y, error, dots: true, colour: colour(code, axis.values.length), says: (k) => `${name}, at ${x[k]} bits\n${counts[k]}` });
  }
  return [traces, {
    legend: true, x: { title: 'width tried, bits', log: true, ticks: data.tests.map((test) => test.bits) },
    y: { title: 'nets without a wrong sum', share: true, from: -0.02, to: 1.05 },
  }];
}

// A line for each of 1,200 trials at most: its place on each axis, in [0, 1].
function lines(trials, home) {
  const every = Math.max(1, Math.ceil(trials.length / 1200)), some = trials.filter((_, place) => place % every === 0);
  const coded = (name, codes, labels) => {
    const place = (code) => (labels.length > 1 ? code / (labels.length - 1) : 0.5);
    const ticks = labels.map((text, code) => [place(code), text]).filter((_, code) => labels.length <= 16 || code % (labels.length - 1) === 0);
    return { name, values: codes.map(place), ticks };
  };
  const powers = (name, value) => {
    const values = some.map((i) => Math.log10(Math.max(value(i), 1e-9)));
    const low = Math.floor(Math.min(...values)), high = Math.max(low + 1, Math.ceil(Math.max(...values))), place = (p) => (p - low) / (high - low);
    return { name, values: values.map(place), ticks: Array.from({ length: high - low + 1 }, (_, k) => [place(low + k), compact(10 ** (low + k))]) };
  };
  const dimensions = some.length ? [
    ...varying.map((axis) => coded(axis.name, some.map((i) => axis.codes[i]), names(axis))),
    powers('samples', (i) => data.samples[i]), powers('ms', (i) => data.seconds[i] * 1000),
    coded('outcome', some.map((i) => data.outcome[i]), data.outcomes),
  ] : [];
  parallel(home, dimensions, some.map((i) => outcomeColours[data.outcomes[data.outcome[i]]]), (line) => hover(some[line]), (line) => show(some[line]));
}

function proofs(trials) {
  const axis = by.group, x = [], y = [], counts = [];
  for (const [code, members] of groups(trials.filter(isSolved), axis)) {
    const yes = members.filter((i) => data.outcomes[data.outcome[i]] === 'proved').length;
    x.push(label(axis, code)); y.push(yes / members.length);
    counts.push(interval(yes, members.length, 'solved nets'));
  }
  return [[{ kind: 'bars', x, y, colour: outcomeColours.proved, says: (k) => counts[k] }],
    { x: { title: axis.name, names: names(axis) }, y: { title: 'proved', share: true, from: 0, to: 1 } }];
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
    lines, wide: true },
].filter(({ when = true }) => when);
