// Appended to a copy of a run's page by scripts/check-report.sh: waits until it is drawn, and writes which charts have marks to the page's
// last element.
addEventListener('load', async () => {
  const problems = [], sleep = (ms) => new Promise((next) => setTimeout(next, ms));
  for (let k = 0; k < 600 && !document.body.dataset.drawn; k++) await sleep(50);
  const homes = [...document.querySelectorAll('.chart')];
  if (homes.length !== 5) problems.push(`${homes.length} charts`);
  for (const home of homes) {
    const marks = [...home.querySelectorAll('.marks > *')];
    if (!marks.some((mark) => mark.getBoundingClientRect().width > 0)) problems.push(`chart ${home.id} is blank`);
  }
  const answer = document.createElement('div');
  answer.id = 'answer';
  answer.textContent = problems.length ? `WRONG ${problems.join('; ')}` : `RIGHT charts: ${homes.map((home) => home.id).join(' ')}`;
  document.body.append(answer);
});
