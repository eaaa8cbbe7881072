// How every page looks: its sections, light and dark.

// The sections of charts, before what else the page has: title, note, and an element named after the chart to draw it in.
function sections(charts) {
  const made = charts.map(({ id, title, note, wide }) => {
    const section = document.createElement('section');
    if (wide) section.className = 'wide';
    section.innerHTML = `<h2>${title}</h2><p class="faint">${note}</p><div id="${id}" class="chart"></div>`;
    return section;
  });
  document.getElementById('charts').prepend(...made);
}

// Light or dark as the system has it, until the button says otherwise.
function themed() {
  const theme = document.getElementById('theme'), dark = matchMedia('(prefers-color-scheme: dark)');
  const look = (isDark) => { document.documentElement.dataset.theme = isDark ? 'dark' : 'light'; theme.setAttribute('aria-pressed', isDark); };
  look(dark.matches);
  dark.addEventListener('change', () => look(dark.matches));
  theme.addEventListener('click', () => look(document.documentElement.dataset.theme !== 'dark'));
}
