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

function line(name, y, color) {
  return { type: 'scatter', mode: 'lines', name, x: column('update'), y, line: { color, width: 1.6 } };
}

const charts = {
  loss: () => [[line('loss', column('loss'), '#0072b2')], layout('loss', { showlegend: false, yaxis: { type: 'log' } })],
  places: () => {
    const places = rows.length ? rows[0].bit_error_by_position.length : 0;
    const z = Array.from({ length: places }, (_, place) => rows.map((row) => row.bit_error_by_position[place]));
    const width = Math.ceil(data.bits / places);
    const y = z.map((_, place) => place * width);
    return [[{
      type: 'heatmap', x: column('update'), y, z, zmin: 0, zmax: 0.5, colorscale: 'Viridis', colorbar: { title: { text: 'wrong' }, tickformat: '.0%' },
      hovertemplate: 'update %{x}, bit %{y}<br>%{z:.1%} wrong<extra></extra>',
    }], layout('bit', { shapes: [] })];
  },
  exact: () => [[
    line('sums right', column('exact_rate'), '#009e73'),
    line('bits right', column('bit_error').map((error) => 1 - error), '#e69f00'),
  ], layout('share', { yaxis: { tickformat: '.0%', range: [-0.02, 1.02] } })],
  norms: () => [[
    line('gradient', column('gradient_norm'), '#d55e00'),
    line('largest weight', column('largest_weight'), '#0072b2'),
  ], layout('magnitude', { yaxis: { type: 'log' } })],
  speed: () => [[line('samples/s', column('samples_per_s'), '#0072b2')], layout('samples/s', { showlegend: false, yaxis: { rangemode: 'tozero' } })],
};

function draw() {
  const drawing = Object.entries(charts).map(([id, chart]) => {
    const [traces, plan] = chart();
    return Plotly.react(id, traces, plan, { responsive: true, displaylogo: false });
  });
  Promise.all(drawing).then(() => { document.body.dataset.drawn = Number(document.body.dataset.drawn || 0) + 1; });
}

unpack().then(() => { themed(draw); draw(); });
