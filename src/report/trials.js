// The trials of the page, and what is said of one.

const data = JSON.parse(document.getElementById('data').textContent);
const total = data.outcome.length;
const axes = data.axes;
const varying = axes.filter((axis) => axis.values.length > 1);
const isSolved = (i) => data.outcomes[data.outcome[i]] === 'solved' || data.outcomes[data.outcome[i]] === 'proved';
const axisOf = (name) => axes.find((axis) => axis.name === name);

// The command that trains a trial's net again.
function command(i) {
  const flags = axes.filter((axis) => axis.flag).map((axis) => [axis.name, axis.values[axis.codes[i]]]);
  return ['carrylane train', ...flags.filter(([, value]) => value !== null).map(([name, value]) => `--${name} ${value}`)].join(' ');
}

// A trial's config: what differs between trials.
function config(i) {
  return varying.map((axis) => `${axis.name} ${axis.values[axis.codes[i]]}`).join(', ') || 'the only trial';
}

// What hovering over a trial shows.
function hover(i) {
  return `${config(i)}\n${data.outcomes[data.outcome[i]]}: ${data.samples[i].toLocaleString('en')} samples, ` +
    `${compact(data.seconds[i] * 1000)} ms\n${command(i)}`;
}
