// What is computed from trials: quantiles, and intervals of shares.

// The q-quantile of numbers in ascending order, by linear interpolation; NaN of none.
function quantile(sorted, q) {
  if (!sorted.length) return NaN;
  const at = (sorted.length - 1) * q, low = Math.floor(at), high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

function ascending(numbers) { return Float64Array.from(numbers).sort(); }

// Wilson's 95 % interval of a share of `yes` in `n` (Wilson 1927, equation for the score interval).
function wilson(yes, n) {
  if (!n) return [0, 1];
  const z = 1.959964, p = yes / n, z2 = z * z;
  const middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (z / (1 + z2 / n)) * Math.sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

// Trials by the value of an axis: a map from the value's place to places of trials, in the order of the values.
function groups(trials, axis) {
  const found = new Map(axis.values.map((_, place) => [place, []]));
  for (const i of trials) found.get(axis.codes[i]).push(i);
  return new Map([...found].filter(([, members]) => members.length));
}
