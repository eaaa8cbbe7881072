// The page: draws what passes the filters, and keeps the table and the words in step.

let page = 0, order = { key: 'id', up: true }, trials = [], drawing = 0;
const pageRows = 50;

// Draws every chart, one a frame, so that the page answers meanwhile.
async function draw() {
  const mine = ++drawing;
  trials = selected();
  const solved = trials.filter(isSolved).length, [low, high] = wilson(solved, trials.length);
  document.getElementById('count').textContent = `${trials.length.toLocaleString('en')} of ${total.toLocaleString('en')} trials, ` +
    (trials.length ? `${percent(solved / trials.length)} solved (95 %: ${percent(low)} to ${percent(high)})` : 'none passes the filters');
  page = 0;
  table();
  for (const { id, draw: traced, lines: all } of charts) {
    if (mine !== drawing) return;
    const home = document.getElementById(id);
    if (all) all(trials, home);
    else chart(home, ...traced(trials), show);
    await new Promise((next) => setTimeout(next, 0));
  }
  document.body.dataset.drawn = String(mine);
}

// The trial under the pointer, or chosen in the table, in full.
function show(i) {
  const box = document.getElementById('trial');
  box.hidden = false;
  box.querySelector('pre').textContent = command(i);
  const wrong = data.tests.filter((test) => test.wrong[i] !== null).map((test) => `${test.wrong[i]} at ${test.bits} bits`).join(', ');
  box.querySelector('p').textContent = `${config(i)}: ${data.outcomes[data.outcome[i]]} after ${data.updates[i].toLocaleString('en')} updates, ` +
    `${data.samples[i].toLocaleString('en')} samples, ${compact(data.seconds[i] * 1000)} ms` +
    (wrong ? `; wrong sums: ${wrong}` : '') + `; trial ${data.id[i]}`;
}

const columns = [
  ...varying.map((axis) => [axis.name, (i) => axis.values[axis.codes[i]]]),
  ['outcome', (i) => data.outcomes[data.outcome[i]]],
  ['samples', (i) => data.samples[i]],
  ['updates', (i) => data.updates[i]],
  ['ms', (i) => +(data.seconds[i] * 1000).toPrecision(3)],
  ...data.tests.map((test) => [`wrong at ${test.bits}`, (i) => test.wrong[i]]),
  ['id', (i) => data.id[i]],
];

// The trials as a table, a page at a time.
function table() {
  const get = columns.find(([name]) => name === order.key)[1];
  const sorted = trials.slice().sort((a, b) => {
    const [x, y] = order.up ? [get(a), get(b)] : [get(b), get(a)];
    return x === y ? a - b : x === null ? 1 : y === null ? -1 : x < y ? -1 : 1;
  });
  const pages = Math.max(1, Math.ceil(sorted.length / pageRows));
  page = Math.min(Math.max(page, 0), pages - 1);
  const head = document.querySelector('#table thead tr'), body = document.querySelector('#table tbody');
  head.replaceChildren(...columns.map(([name]) => {
    const cell = document.createElement('th'), button = document.createElement('button');
    cell.scope = 'col';
    if (trials.length && typeof columns.find(([other]) => other === name)[1](trials[0]) === 'number') cell.className = 'number';
    if (name === order.key) cell.ariaSort = order.up ? 'ascending' : 'descending';
    button.textContent = name + (name === order.key ? (order.up ? ' ▲' : ' ▼') : '');
    button.addEventListener('click', () => {
      order = { key: name, up: order.key === name ? !order.up : true };
      table();
      document.querySelectorAll('#table thead button')[columns.findIndex(([other]) => other === name)].focus();
    });
    cell.append(button);
    return cell;
  }));
  body.replaceChildren(...sorted.slice(page * pageRows, (page + 1) * pageRows).map((i) => {
    const row = document.createElement('tr');
    row.tabIndex = 0;
    row.append(...columns.map(([, value]) => {
      const cell = document.createElement('td'), shown = value(i);
      cell.textContent = shown === null ? '–' : typeof shown === 'number' ? shown.toLocaleString('en') : shown;
      if (typeof shown === 'number') cell.className = 'number';
      return cell;
    }));
    row.addEventListener('click', () => show(i));
    row.addEventListener('keydown', (event) => { if (event.key === 'Enter') show(i); });
    return row;
  }));
  document.getElementById('page').textContent = `page ${page + 1} of ${pages}`;
}

function chooser(id, pick) {
  const select = document.getElementById(id);
  const choices = varying.length ? varying : axes.filter((axis) => axis.name === 'hidden');
  select.append(...choices.map((axis) => new Option(axis.name, axis.name, false, axis === by[pick])));
  select.addEventListener('change', () => { by[pick] = axisOf(select.value); draw(); });
}

function begin() {
  sections(charts);
  const first = (...names) => names.map(axisOf).find((axis) => varying.includes(axis));
  by.group = first('hidden', 'bits') || varying.find((axis) => axis.name !== 'seed') || axisOf('hidden');
  by.rows = first('bits') && by.group.name !== 'bits' ? axisOf('bits')
    : varying.find((axis) => axis !== by.group && axis.name !== 'seed') || axisOf('bits');
  chooser('group', 'group');
  chooser('rows', 'rows');
  if (![...document.getElementById('rows').options].some((option) => option.value === by.rows.name)) {
    document.getElementById('rows').prepend(new Option(by.rows.name, by.rows.name, true, true));
  }
  makeFilters(document.getElementById('filters'), draw);
  document.getElementById('back').addEventListener('click', () => { page--; table(); });
  document.getElementById('forth').addEventListener('click', () => { page++; table(); });
  themed();
  draw();
}

begin();
