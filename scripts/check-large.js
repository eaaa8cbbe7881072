// Appended to a copy of a large report by scripts/check-report.sh: tells when the first chart is drawn, in ms since the page was asked for.
const waiting = setInterval(() => {
  if (!document.querySelector('#heat .marks')) return;
  clearInterval(waiting);
  console.log(`FIRST ${Math.round(performance.now())}`);
}, 10);
