// The charts of one training, from its rows.

const data = JSON.parse(document.getElementById('data').textContent);
const rows = data.rows;
const column = (name) => rows.map((row) => row[name]);

function layout(y, more = {}) {
  // A check that passed and one that did not, and the first update with noise.
  const marks = data.checks.map(([at, passed]) => [at, passed ? '#009e73' : '#e69f00']);
  const noisy = rows.find((row) => row.noise > 0);
  if (noisy) marks.push([noisy.update, '#cc79a7']);
  const shapes = marks.map(([at, color]) => ({ type: 'line', x0: at, x1: at, y0: 0, y1: 1, yref: 'paper', line: { color, width: 1, dash: 'dot' } }));
  return frame('updates', y, { legend: { orientation: 'h', y: 1.12 }, shapes, ...more, xaxis: { type: 'log', ...more.xaxis } });
}

// The share of wrong bits by update and place, as a map.
function places() {
  const count = rows.length ? rows[0].bit_error_by_position.length : 0, width = Math.ceil(data.bits / count);
  const z = Array.from({ length: count }, (_, place) => rows.map((row) => row.bit_error_by_position[place]));
  return [{
    type: 'heatmap', x: column('update'), y: z.map((_, place) => place * width), z, zmin: 0, zmax: 0.5, colorscale: 'Viridis',
    colorbar: { title: { text: 'wrong' }, tickformat: '.0%' }, hovertemplate: 'update %{x}, bit %{y}<br>%{z:.1%} wrong<extra></extra>',
  }];
}

// The charts: of each its lines, as a name, a number of a row and a colour, or a function that makes its traces; and its other axis.
const charts = [
  { id: 'loss', title: 'Loss', note: 'Mean of a minibatch, before its update. Dotted: a check that passed (green) or failed (yellow), the first noise (pink).',
    y: 'loss', lines: [['loss', (row) => row.loss, '#0072b2']], more: { yaxis: { type: 'log' } } },
  { id: 'places', title: 'Bit error by position', note: 'Share of wrong bits in a fixed probe of random sums, least significant bit first.',
    y: 'bit', traces: places, more: { shapes: [] } },
  { id: 'exact', title: 'Exact rate', note: "Share of the probe's sums with every bit right, and share of bits right in the minibatch.",
    y: 'share', lines: [['sums right', (row) => row.exact_rate, '#009e73'], ['bits right', (row) => 1 - row.bit_error, '#e69f00']],
    more: { yaxis: { tickformat: '.0%', range: [-0.02, 1.02] } } },
  { id: 'norms', title: 'Gradient and weights', note: 'Euclidean norm of the mean gradient, before clipping; largest magnitude of a weight.',
    y: 'magnitude', lines: [['gradient', (row) => row.gradient_norm, '#d55e00'], ['largest weight', (row) => row.largest_weight, '#0072b2']],
    more: { yaxis: { type: 'log' } } },
  { id: 'speed', title: 'Throughput', note: 'Additions learned from in a second, checks, proofs and files included.',
    y: 'samples/s', lines: [['samples/s', (row) => row.samples_per_s, '#0072b2']], more: { yaxis: { rangemode: 'tozero' } } },
];

function draw() {
  const line = ([name, value, color]) =>
    ({ type: 'scatter', mode: 'lines', name, x: column('update'), y: rows.map(value), line: { color, width: 1.6 } });
  const drawing = charts.map(({ id, y, lines, traces, more }) =>
    Plotly.react(id, lines ? lines.map(line) : traces(), layout(y, { showlegend: lines?.length > 1, ...more }), { responsive: true, displaylogo: false }));
  Promise.all(drawing).then(() => { document.body.dataset.drawn = Number(document.body.dataset.drawn || 0) + 1; });
}

sections(charts);
unpack().then(() => { themed(draw); draw(); });
