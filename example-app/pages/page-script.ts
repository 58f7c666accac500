/** Shows times in the reader's time zone, and a countdown. Without it, the page shows UTC and the time left when it was sent. */
export const pageScript = `
const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
function inWords(seconds) {
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  const more = units[units.findIndex(([name]) => name === unit) + 1];
  const count = (n, name) => n + ' ' + name + (n === 1 ? '' : 's');
  const rest = more ? Math.floor((seconds % size) / more[1]) : 0;
  return count(Math.floor(seconds / size), unit) + (rest > 0 ? ', ' + count(rest, more[0]) : '');
}
for (const time of document.querySelectorAll('time[datetime]')) {
  const at = new Date(time.dateTime);
  time.textContent = at.toLocaleString(undefined, { dateStyle: 'long', timeStyle: 'short' });
  const countdown = document.getElementById(time.dataset.countdown);
  if (!countdown) continue;
  const tick = () => {
    const seconds = Math.round((at - Date.now()) / 1000);
    countdown.textContent = seconds > 0 ? inWords(seconds) : 'expired';
  };
  tick();
  setInterval(tick, 1000);
}
`;
