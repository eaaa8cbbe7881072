// Appended to a copy of a report by scripts/check-report.sh: uses the page as a person would, and writes what it found to the
// page's last element.
addEventListener('load', async () => {
  const problems = [], notes = [], sleep = (ms) => new Promise((next) => setTimeout(next, ms));
  const check = (right, what) => { if (!right) problems.push(what); };
  const drawn = async (past) => {
    for (let k = 0; k < 600 && !(Number(document.body.dataset.drawn) > past); k++) await sleep(50);
    check(Number(document.body.dataset.drawn) > past, 'not drawn in 30 s');
    return Number(document.body.dataset.drawn);
  };
  try {
    let past = await drawn(0);
    notes.push(`drawn ${Math.round(performance.now())} ms after the page was asked for`);
    // Every chart has marks.
    const blank = (home) => ![...home.querySelectorAll('.marks > *')].some((mark) => mark.getBoundingClientRect().width > 0);
    const homes = [...document.querySelectorAll('.chart')];
    check(homes.length >= 7, `${homes.length} charts`);
    for (const home of homes) check(!blank(home), `chart ${home.id} is blank`);
    notes.push(`charts: ${homes.map((home) => home.id).join(' ')}`);

    // Hovering over a trial shows its config and its command.
    const samples = document.getElementById('samples');
    const { x, y } = samples.spots.find((spot) => spot.pick !== undefined), at = samples.getBoundingClientRect();
    const pointer = (name) => samples.firstChild.dispatchEvent(new PointerEvent(name, { clientX: at.x + x, clientY: at.y + y }));
    pointer('pointermove');
    const said = document.getElementById('tip').textContent;
    check(said.includes('carrylane train') && /seed|the only trial/.test(said), `hover shows '${said}'`);
    notes.push(`hover: ${said}`);

    // A click on it shows its command; dragging shows a part, and a double click all again.
    pointer('pointerdown');
    pointer('pointerup');
    check(document.querySelector('#trial pre').textContent.startsWith('carrylane train'), 'a click on a point shows no command');
    const ticks = () => [...samples.querySelectorAll('text')].map((text) => text.textContent).join(' '), all = ticks();
    const drag = (name, share) => samples.firstChild.dispatchEvent(new PointerEvent(name, { clientX: at.x + 200, clientY: at.y + share * at.height }));
    drag('pointerdown', 0.3);
    drag('pointerup', 0.5);
    check(ticks() !== all, 'dragging does not zoom');
    samples.firstChild.dispatchEvent(new MouseEvent('dblclick'));
    check(ticks() === all, 'a double click does not show all again');

    // A filter changes what is counted and what is drawn; so does taking it back.
    const state = () => JSON.stringify([document.getElementById('count').textContent, ...homes.map((home) => home.traces)]);
    const before = state(), parts = homes.map((home) => JSON.stringify(home.traces));
    const box = document.querySelector('#filters input[type=checkbox]');
    check(box || total === 1, 'no filter');
    if (box) {
      box.focus();
      check(document.activeElement === box, 'a filter takes no focus');
      box.click();
      past = await drawn(past);
      homes.forEach((home, k) => check(JSON.stringify(home.traces) !== parts[k], `the filter did not change ${home.id}`));
      box.click();
      past = await drawn(past);
      check(state() === before, 'without the filter the page is not as before');
    }

    // The table, without a mouse.
    const row = document.querySelector('#table tbody tr');
    row.focus();
    row.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
    check(document.querySelector('#trial pre').textContent.startsWith('carrylane train'), 'a row of the table shows no command');
    check(document.documentElement.scrollWidth <= innerWidth, `wider than the window: ${document.documentElement.scrollWidth}`);
    notes.push(`width ${innerWidth}: ${document.getElementById('count').textContent}`);
    if (location.hash === '#dark') { document.getElementById('theme').click(); await drawn(past); }
  } catch (error) { problems.push(`the page threw ${error}`); }
  const answer = document.createElement('div');
  answer.id = 'answer';
  answer.hidden = true;
  answer.textContent = (problems.length ? 'WRONG ' + problems.join('; ') : 'RIGHT') + ' | ' + notes.join(' | ');
  document.body.append(answer);
});
