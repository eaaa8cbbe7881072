// The charts of one training, from its rows.

const data = JSON.parse(document.getElementById('data').textContent);
const rows = data.rows;
const column = (name) => rows.map((row) => row[name]);
const update = (k) => `update ${rows[k].update.toLocaleString('en')}`;

// A check that passed and one that did not, and the first update with noise.
const marks = data.checks.map(([at, passed]) => [at, passed ? '#009e73' : '#e69f00']);
const noisy = rows.find((row) => row.noise > 0);
if (noisy) marks.push([noisy.update, '#cc79a7']);

// The share of wrong bits by update and place, as a map.
function places() {
  const count = rows.length ? rows[0].bit_error_by_position.length : 0, width = Math.ceil(data.bits / count);
  const z = Array.from({ length: count }, (_, place) => rows.map((row) => row.bit_error_by_position[place]));
  const says = (k, place) => `${update(k)}, bit ${place * width}\n${percent(z[place][k])} wrong`;
  return [{ kind: 'map', x: column('update'), y: z.map((_, place) => place * width), z, most: 0.5, says }];
}

// The charts: of each its lines, as a name, a number of a row and a colour, or a function that makes its traces; and its upright axis.
const charts = [
  { id: 'loss', title: 'Loss', note: 'Mean of a minibatch, before its update. Dotted: a check that passed (green) or failed (yellow), the first noise (pink).',
    lines: [['loss', (row) => row.loss, '#0072b2']], y: { title: 'loss', log: true } },
  { id: 'places', title: 'Bit error by position', note: 'Share of wrong bits in a fixed probe of random sums, least significant bit first, from 0 (dark) to 50 % (yellow).',
    traces: places, y: { title: 'bit' } },
  { id: 'exact', title: 'Exact rate', note: "Share of the probe's sums with every bit right, and share of bits right in the minibatch.",
    lines: [['sums right', (row) => row.exact_rate, '#009e73'], ['bits right', (row) => 1 - row.bit_error, '#e69f00']],
    y: { title: 'share', share: true, from: -0.02, to: 1.02 } },
  { id: 'norms', title: 'Gradient and weights', note: 'Euclidean norm of the mean gradient, before clipping; largest magnitude of a weight.',
    lines: [['gradient', (row) => row.gradient_norm, '#d55e00'], ['largest weight', (row) => row.largest_weight, '#0072b2']],
    y: { title: 'magnitude', log: true } },
  { id: 'speed', title: 'Throughput', note: 'Additions learned from in a second, checks, proofs and files included.',
    lines: [['samples/s', (row) => row.samples_per_s, '#0072b2']], y: { title: 'samples/s', from: 0 } },
];

sections(charts);
themed();
for (const { id, lines, traces, y } of charts) {
  const line = ([name, value, colour]) => {
    const values = rows.map(value);
    return { kind: 'line', name, x: column('update'), y: values, colour, says: (k) => `${update(k)}\n${name} ${y.share ? percent(values[k]) : compact(values[k])}` };
  };
  chart(document.getElementById(id), lines ? lines.map(line) : traces(), { x: { title: 'updates', log: true }, y, legend: lines?.length > 1, marks: lines && marks });
}
document.body.dataset.drawn = '1';
