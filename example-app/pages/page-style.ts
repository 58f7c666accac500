/** The only style sheet; follows the light or dark mode of the system. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #fafafa; --card: #ffffff; --ink: #0b0b0f; --quiet: #5a5a66; --line: #e4e4ea; --fill: #f3f3f6;
  --accent: #0a5cff; --accent-hover: #0049d6; --accent-ink: #ffffff; --link: #0051e0;
  --good: #0b6b3a; --good-fill: #e2f6ea; --bad: #9f1c1c; --bad-fill: #fdecec; --bad-line: #f3c4c4; --warn: #7a4a00; --warn-fill: #fff1d6;
  --shadow: 0 1px 2px rgb(12 12 30 / .05), 0 12px 32px -12px rgb(12 12 30 / .14);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #08090c; --card: #121318; --ink: #f5f5f7; --quiet: #a3a3b0; --line: #272932; --fill: #1b1d24;
    --accent: #4b8bff; --accent-hover: #73a5ff; --accent-ink: #04102a; --link: #83b0ff;
    --good: #6fdc9c; --good-fill: #10301f; --bad: #ff9d9d; --bad-fill: #34161a; --bad-line: #5a252b; --warn: #ffcf7a; --warn-fill: #362710;
    --shadow: 0 1px 2px rgb(0 0 0 / .4), 0 16px 40px -16px rgb(0 0 0 / .7);
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; color: var(--ink);
  background: var(--page);
  font: 400 1rem/1.6 ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif;
}
a { color: var(--link); text-underline-offset: .2em; }
h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: .5rem; }
.bar, main, .foot { width: 100%; max-width: 73rem; margin: 0 auto; padding-inline: 1.5rem; }
.bar { display: flex; align-items: center; justify-content: space-between; gap: 1rem; min-height: 4.75rem; }
.brand { display: inline-flex; align-items: center; gap: .65rem; color: inherit; text-decoration: none; font-weight: 650; letter-spacing: -.01em; }
.brand small { margin-left: .3rem; color: var(--quiet); font-size: .875rem; font-weight: 400; letter-spacing: 0; }
main { flex: 1; display: flex; flex-direction: column; gap: 1.25rem; padding-block: 1rem 3rem; }
.bar .button { white-space: nowrap; }
.foot { padding-block: 1.25rem 2rem; color: var(--quiet); font-size: .875rem; }

.button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; padding: .5rem 1.1rem; border: 1px solid var(--line);
  border-radius: .8rem; background: var(--card); color: var(--ink); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer;
  transition: background .15s, border-color .15s, transform .05s;
}
.button:hover { background: var(--fill); border-color: var(--quiet); }
.button:active { transform: translateY(1px); }
.button.primary { border-color: transparent; background: var(--accent); color: var(--accent-ink); }
.button.primary:hover { background: var(--accent-hover); }
.button[aria-disabled] { opacity: .7; cursor: default; }
.button.big { min-height: 3.25rem; padding-inline: 1.5rem; border-radius: 1rem; font-size: 1.0625rem; }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem; }

.hero { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.6fr); align-items: start; gap: 2.75rem; padding-block: 1rem 2rem; }
.pitch { position: sticky; top: 2rem; display: flex; flex-direction: column; gap: 1.5rem; padding-top: 2.5rem; }
.ways { display: flex; flex-direction: column; gap: .5rem; padding: 0; list-style: none; font-size: .9375rem; }
.hero h1 { font-size: clamp(2.1rem, 1.2rem + 3.6vw, 3.1rem); line-height: 1.1; letter-spacing: -.035em; font-weight: 700; }
.hero h1 em { color: var(--accent); font-style: normal; }
.lead { color: var(--quiet); font-size: 1.125rem; max-width: 34rem; overflow-wrap: anywhere; text-wrap: pretty; }
.server { color: var(--quiet); font-size: .9375rem; max-width: 30rem; overflow-wrap: anywhere; }
.server strong { color: var(--ink); font-weight: 600; }

.code { min-width: 0; border: 1px solid #23252f; border-radius: 1.1rem; background: #0f1117; color: #d9dcea; box-shadow: var(--shadow); overflow: hidden; }
.code figcaption { display: flex; align-items: center; gap: .4rem; padding: .75rem 1rem; border-bottom: 1px solid #23252f; color: #9a9fb5; font-size: .8125rem; }
.code figcaption span { width: .65rem; height: .65rem; border-radius: 50%; background: #33374a; }
.code figcaption span:last-of-type { margin-right: .5rem; }
.code pre { margin: 0; padding: 1rem 1.25rem 1.2rem; overflow-x: auto; }
.code pre:focus-visible { outline-offset: -4px; border-radius: 1rem; }
.code code { display: block; font-size: .75rem; line-height: 1.6; }
.code i { font-style: normal; }
.code .k { color: #c49bff; } .code .s { color: #8ed9a4; } .code .f { color: #82b4ff; } .code .c { color: #969cb4; }

.dashboard { display: grid; grid-template: 'person token' auto 'timeline token' auto 'timeline more' 1fr / minmax(0, 1fr) minmax(0, 1fr); gap: 1.25rem; }
.dashboard > :nth-child(1) { grid-area: person; }
.dashboard > :nth-child(2) { grid-area: token; }
.dashboard > :nth-child(3) { grid-area: timeline; }
.dashboard > :nth-child(4) { grid-area: more; }
.card { padding: 1.75rem; border: 1px solid var(--line); border-radius: 1.35rem; background: var(--card); box-shadow: var(--shadow); min-width: 0; overflow-wrap: anywhere; }
.card h2 { font-size: 1.0625rem; font-weight: 650; letter-spacing: -.01em; }
.card h2 + p { margin-top: .5rem; }
.card p + .actions, .chips + .actions, .items + .actions { margin-top: 1.5rem; }
.quiet { color: var(--quiet); }
.card > .quiet, .card [role=status] .quiet { font-size: .9375rem; }
.eyebrow { color: var(--quiet); font-size: .875rem; }
.person { display: flex; flex-direction: column; gap: 1.5rem; }
.identity { display: flex; align-items: center; gap: 1.1rem; }
.who { min-width: 0; }
.avatar {
  flex: none; display: grid; place-items: center; width: 4.25rem; height: 4.25rem; border-radius: 50%; color: #fff; font-size: 1.75rem; font-weight: 650;
  background: linear-gradient(135deg, #3d7dff, #6a3df0);
}
.who h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -.025em; font-weight: 700; }
.email { margin-top: .25rem; color: var(--quiet); font-size: .9375rem; }
.facts { display: flex; flex-direction: column; gap: .85rem; font-size: .9375rem; }
.facts dt { color: var(--quiet); font-size: .8125rem; }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-size: .8125rem; font-weight: 600; line-height: 1.5; }
.badge.good { color: var(--good); background: var(--good-fill); }
.badge.warn { color: var(--warn); background: var(--warn-fill); }
.countdown { margin-top: 1rem; }
.countdown .label { display: block; color: var(--quiet); font-size: .875rem; }
.countdown strong { font-size: 1.75rem; line-height: 1.25; font-weight: 700; letter-spacing: -.025em; font-variant-numeric: tabular-nums; }
.until { margin-top: .25rem; color: var(--quiet); font-size: .875rem; }
.card h3 { margin-top: 1.25rem; color: var(--quiet); font-size: .875rem; font-weight: 400; }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .45rem; padding: 0; list-style: none; }
.chips li { padding: .2rem .7rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--fill); font: .8125rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.call { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .25rem 1rem; color: var(--quiet); font-size: .875rem; }
.call h2 { color: var(--ink); }
.call h2 + p { margin: 0; }
.call + * { margin-top: 1rem; }
.items { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: .75rem; padding: 0; list-style: none; }
.items li { display: flex; align-items: center; gap: .85rem; padding: .85rem 1rem; border: 1px solid var(--line); border-radius: 1rem; font-weight: 600; line-height: 1.35; }
.items small { display: block; color: var(--quiet); font-weight: 400; }
.tile { flex: none; display: grid; place-items: center; width: 2.5rem; height: 2.5rem; border-radius: .7rem; background: var(--fill); color: var(--quiet); }
.more { margin-top: 1rem; font-size: .875rem; }
.items { margin-top: 1.25rem; }
.message { padding: .85rem 1.15rem; border: 1px solid var(--line); border-left: .25rem solid var(--accent); border-radius: .8rem; background: var(--card); overflow-wrap: anywhere; }
.message.bad { border-color: var(--bad-line); background: var(--bad-fill); color: var(--bad); }
.change { margin-top: 1.25rem; padding: 1rem 1.15rem; border: 1px solid var(--line); border-left: .25rem solid var(--accent); border-radius: .8rem; font-size: .9375rem; }
.change dl { display: flex; flex-direction: column; gap: .35rem; margin-top: .75rem; }
.change dl > div { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr); }
.change dt { color: var(--quiet); }
.change dd { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .75rem; }
.change dd > * { min-width: 3.75rem; }
.timeline { display: flex; flex-direction: column; margin-top: 1.25rem; padding: 0; list-style: none; font-size: .9375rem; }
.timeline li { position: relative; padding: 0 0 1.1rem 1.6rem; }
.timeline li:last-child { padding-bottom: 0; }
.timeline li::before { content: ''; position: absolute; left: .1rem; top: .45rem; width: .7rem; height: .7rem; border-radius: 50%; background: var(--accent); }
.timeline li.bad::before { background: var(--bad); border-radius: .15rem; }
.timeline li:not(:last-child)::after { content: ''; position: absolute; left: .4rem; top: 1.45rem; bottom: -.15rem; width: .1rem; background: var(--line); }
.timeline strong { display: block; font-weight: 600; }
.timeline .meta { display: flex; flex-wrap: wrap; gap: 0 .75rem; color: var(--quiet); font-size: .8125rem; }
.past { padding-inline: 1.15rem; font-size: .9375rem; }
.past summary { width: max-content; max-width: 100%; min-height: 1.5rem; color: var(--quiet); cursor: pointer; }
.source { display: flex; flex-direction: column; gap: .85rem; margin-top: 1rem; }
.source h2 { font-size: 1.0625rem; font-weight: 650; letter-spacing: -.01em; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.single { width: 100%; max-width: 44rem; margin-inline: auto; }
.single h1 { margin-bottom: .5rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.025em; }
.error { align-self: center; width: 100%; max-width: 36rem; margin-block: auto; padding: 2.25rem; }
.error h1 { margin: .25rem 0 .75rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.025em; }

@media (max-width: 56rem) {
  .hero { grid-template-columns: minmax(0, 1fr); align-content: start; gap: 2.5rem; padding-top: 1.5rem; }
  .pitch { position: static; padding-top: 0; }
  .dashboard { grid-template: 'person' 'token' 'timeline' 'more' / minmax(0, 1fr); }
}
@media (max-width: 30rem) {
  .bar, main, .foot { padding-inline: 1.125rem; }
  .bar { gap: .5rem; }
  .bar .button { padding-inline: .85rem; }
  .brand { gap: .5rem; font-size: .9375rem; }
  .brand small { display: none; }
  .card { padding: 1.35rem; }
  .hero .actions { flex-direction: column; align-items: stretch; }
  .change dl > div { grid-template-columns: minmax(0, 1fr); }
  .avatar { width: 3.25rem; height: 3.25rem; font-size: 1.35rem; }
  .who h1 { font-size: clamp(1rem, 5vw, 1.4rem); }
}
@media (prefers-reduced-motion: reduce) { .button { transition: none; } }
@media print { body { background: none; } .button { display: none; } }
`;
