// Filters: a field for each axis that varies, and one for the outcome.

const chosen = new Map();

// Whether a trial passes all filters.
function passes(i) {
  for (const [codes, allowed] of chosen.values()) if (!allowed.has(codes[i])) return false;
  return true;
}

function selected() {
  const trials = [];
  for (let i = 0; i < total; i++) if (passes(i)) trials.push(i);
  return trials;
}

// A field of check boxes; long axes of numbers get two ends instead.
function field(name, values, codes, changed) {
  const set = document.createElement('fieldset');
  const legend = document.createElement('legend');
  legend.textContent = name;
  set.append(legend);
  const all = new Set(values.keys());
  const take = (allowed) => {
    if (allowed.size === all.size) chosen.delete(name);
    else chosen.set(name, [codes, allowed]);
    changed();
  };
  if (values.length > 12 && values.every((value) => typeof value === 'number')) {
    const ends = ['from', 'to'].map((word, end) => {
      const label = document.createElement('label'), input = document.createElement('input');
      Object.assign(input, { type: 'number', step: 'any', value: end ? values.at(-1) : values[0], min: values[0], max: values.at(-1) });
      label.append(word + ' ', input);
      set.append(label);
      return input;
    });
    const read = () => {
      const [from, to] = ends.map((input) => input.valueAsNumber);
      take(new Set([...all].filter((code) => !(values[code] < from) && !(values[code] > to))));
    };
    ends.forEach((input) => input.addEventListener('change', read));
  } else {
    const boxes = values.map((value) => {
      const label = document.createElement('label'), input = document.createElement('input');
      Object.assign(input, { type: 'checkbox', checked: true });
      input.dataset.value = value;
      label.append(input, ' ' + (value === null ? 'none' : value));
      set.append(label);
      return input;
    });
    const read = () => take(new Set([...all].filter((code) => boxes[code].checked)));
    boxes.forEach((input) => input.addEventListener('change', read));
  }
  return set;
}

// Makes the filters; `changed` is called after each change.
function makeFilters(home, changed) {
  for (const axis of varying) home.append(field(axis.name, axis.values, axis.codes, changed));
  if (new Set(data.outcome).size > 1) home.append(field('outcome', data.outcomes, data.outcome, changed));
}
