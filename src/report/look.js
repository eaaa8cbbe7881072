// How every page looks: its colours, its sections, the frame of a chart, light and dark.

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A chart's layout: the names of its axes, and what else it wants.
function frame(x, y, more) {
  const lines = { gridcolor: style('--line'), zerolinecolor: style('--line'), automargin: true };
  return {
    margin: { l: 60, r: 20, t: 12, b: 48 }, paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: { color: style('--ink'), family: 'system-ui, sans-serif', size: 13 },
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: style('--faint'), activecolor: style('--ink') }, ...more,
    xaxis: { title: { text: x }, ...lines, ...more.xaxis }, yaxis: { title: { text: y }, ...lines, ...more.yaxis },
  };
}

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

// Light or dark as the system has it, until the button says otherwise; draws again when it changes.
function themed(draw) {
  const theme = document.getElementById('theme'), dark = matchMedia('(prefers-color-scheme: dark)');
  const look = (isDark) => { document.documentElement.dataset.theme = isDark ? 'dark' : 'light'; theme.setAttribute('aria-pressed', isDark); };
  look(dark.matches);
  dark.addEventListener('change', () => { look(dark.matches); draw(); });
  theme.addEventListener('click', () => { look(document.documentElement.dataset.theme !== 'dark'); draw(); });
}

// plotly.js lies packed in the page, which is half as large for it; the script runs when it is put in.
async function unpack() {
  const packed = Uint8Array.from(atob(document.getElementById('plotly').textContent), (letter) => letter.charCodeAt(0));
  const script = document.createElement('script');
  script.text = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
  document.head.append(script);
}
