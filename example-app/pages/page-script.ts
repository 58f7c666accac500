/**
 * Shows times in the reader's time zone and a countdown, and tells screen readers what has changed. Without it, the page shows
 * UTC and the time left when it was sent.
 */
export const pageScript = `
const announcer = document.getElementById('announcer');
function announce(text) {
  announcer.textContent = text;
  setTimeout(() => { if (announcer.textContent === text) announcer.textContent = ''; }, 10_000);
}

const formats = { clock: { timeStyle: 'medium' }, date: { dateStyle: 'long', timeStyle: 'short' } };
for (const time of document.querySelectorAll('time[data-format]')) {
  time.textContent = new Date(time.dateTime).toLocaleString(undefined, formats[time.dataset.format]);
}

const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
function inWords(seconds) {
  const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  const more = units[units.findIndex(([name]) => name === unit) + 1];
  const count = (n, name) => n + ' ' + name + (n === 1 ? '' : 's');
  const rest = more ? Math.floor((seconds % size) / more[1]) : 0;
  return count(Math.floor(seconds / size), unit) + (rest > 0 ? ', ' + count(rest, more[0]) : '');
}
const countdown = document.getElementById('countdown');
if (countdown) {
  const secondsLeft = () => Math.round((Number(countdown.parentElement.dataset.until) - Date.now()) / 1000);
  // Screen readers hear only of these, not of every second.
  const moments = [[300, 'Your access token expires in 5 minutes.'], [60, 'Your access token expires in 1 minute.'],
    [0, 'Your access token has expired. It is renewed when it is next needed.']]
    .filter(([left]) => left < secondsLeft());
  const tick = () => {
    const left = secondsLeft();
    countdown.textContent = left > 0 ? inWords(left) : 'expired';
    while (moments.length > 0 && left <= moments[0][0]) announce(moments.shift()[1]);
  };
  tick();
  setInterval(tick, 1000);
}

// Live regions that a page arrives with are not read out.
const news = document.querySelector('[role=status]');
if (news) setTimeout(() => announce(news.textContent), 500);

for (const button of document.querySelectorAll('button[data-progress]')) {
  const label = button.textContent;
  button.form.addEventListener('submit', (event) => {
    if (button.getAttribute('aria-disabled') === 'true') return event.preventDefault();
    // Not disabled: that would take the focus away.
    button.setAttribute('aria-disabled', 'true');
    button.textContent = button.dataset.progress;
    announce(button.dataset.progress);
  });
  // The browser shows the page as it was left when the user goes back.
  addEventListener('pageshow', () => {
    button.removeAttribute('aria-disabled');
    button.textContent = label;
  });
}
`;
