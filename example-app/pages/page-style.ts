/** The only style sheet; follows the light or dark mode of the system. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #fafafa; --glow: #dbe8ff; --card: #ffffff; --ink: #0b0b0f; --quiet: #5a5a66; --line: #e4e4ea; --fill: #f3f3f6;
  --accent: #0a5cff; --accent-hover: #0049d6; --accent-ink: #ffffff; --link: #0051e0;
  --good: #0b6b3a; --good-fill: #e2f6ea; --bad: #9f1c1c; --bad-fill: #fdecec; --bad-line: #f3c4c4; --warn: #7a4a00; --warn-fill: #fff1d6;
  --shadow: 0 1px 2px rgb(12 12 30 / .05), 0 12px 32px -12px rgb(12 12 30 / .14);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #08090c; --glow: #10244f; --card: #121318; --ink: #f5f5f7; --quiet: #a3a3b0; --line: #272932; --fill: #1b1d24;
    --accent: #4b8bff; --accent-hover: #73a5ff; --accent-ink: #04102a; --link: #83b0ff;
    --good: #6fdc9c; --good-fill: #10301f; --bad: #ff9d9d; --bad-fill: #34161a; --bad-line: #5a252b; --warn: #ffcf7a; --warn-fill: #362710;
    --shadow: 0 1px 2px rgb(0 0 0 / .4), 0 16px 40px -16px rgb(0 0 0 / .7);
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; color: var(--ink);
  background: radial-gradient(60rem 30rem at 75% -10rem, var(--glow), transparent) no-repeat var(--page);
  font: 400 1rem/1.6 ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif;
}
a { color: var(--link); text-underline-offset: .2em; }
h1, h2, h3, p, ul, figure { margin: 0; }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: .5rem; }
.bar, main, .foot { width: 100%; max-width: 68rem; margin: 0 auto; padding-inline: 1.5rem; }
.bar { display: flex; align-items: center; justify-content: space-between; gap: 1rem; min-height: 4.75rem; }
.brand { display: inline-flex; align-items: center; gap: .65rem; color: inherit; text-decoration: none; font-weight: 650; letter-spacing: -.01em; }
.brand small { margin-left: .3rem; color: var(--quiet); font-size: .875rem; font-weight: 400; letter-spacing: 0; }
main { flex: 1; display: flex; flex-direction: column; gap: 1.25rem; padding-block: 1rem 3rem; }
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
.button.quiet { border-color: transparent; background: transparent; color: var(--quiet); }
.button.quiet:hover { background: var(--fill); color: var(--ink); }
.button.big { min-height: 3.25rem; padding-inline: 1.5rem; border-radius: 1rem; font-size: 1.0625rem; }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem; }
.hero .actions { gap: .75rem 1.5rem; font-size: .9375rem; }

.hero { flex: 1; display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.05fr); align-items: center; gap: 3.25rem; padding-bottom: 2rem; }
.pitch { display: flex; flex-direction: column; gap: 1.5rem; }
.hero h1 { font-size: clamp(2.1rem, 1.2rem + 3.6vw, 3.1rem); line-height: 1.1; letter-spacing: -.035em; font-weight: 700; }
.hero h1 em { color: var(--accent); font-style: normal; }
.lead { color: var(--quiet); font-size: 1.125rem; max-width: 34rem; overflow-wrap: anywhere; text-wrap: pretty; }
.server { position: relative; padding-left: 1.4rem; color: var(--quiet); font-size: .9375rem; max-width: 30rem; overflow-wrap: anywhere; }
.server strong { color: var(--ink); font-weight: 600; }
.dot { position: absolute; left: .15rem; top: .5em; width: .55rem; height: .55rem; border-radius: 50%; background: #17a35b; box-shadow: 0 0 0 .2rem var(--good-fill); }

.code { min-width: 0; border: 1px solid #23252f; border-radius: 1.1rem; background: #0f1117; color: #d9dcea; box-shadow: var(--shadow); overflow: hidden; }
.code figcaption { display: flex; align-items: center; gap: .4rem; padding: .75rem 1rem; border-bottom: 1px solid #23252f; color: #9a9fb5; font-size: .8125rem; }
.code figcaption span { width: .65rem; height: .65rem; border-radius: 50%; background: #33374a; }
.code figcaption span:last-of-type { margin-right: .5rem; }
.code pre { margin: 0; line-height: 1.4; padding: 1.1rem 1.25rem 1.3rem; overflow-x: auto; }
.code pre:focus-visible { outline-offset: -4px; border-radius: 1rem; }
.code code { font-size: .775rem; line-height: 1.7; }
.code i { font-style: normal; }
.code .k { color: #c49bff; } .code .s { color: #8ed9a4; } .code .f { color: #82b4ff; } .code .c { color: #969cb4; }

.account { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.25rem; }
.card { padding: 1.75rem; border: 1px solid var(--line); border-radius: 1.35rem; background: var(--card); box-shadow: var(--shadow); min-width: 0; overflow-wrap: anywhere; }
.card h2 { font-size: 1.0625rem; font-weight: 650; letter-spacing: -.01em; }
.card h2 + p { margin-top: .5rem; }
.card p + .actions, .chips + .actions { margin-top: 1.5rem; }
.eyebrow { color: var(--quiet); font-size: .875rem; }
.person { display: flex; flex-direction: column; gap: 1.25rem; }
.avatar {
  flex: none; display: grid; place-items: center; width: 4.25rem; height: 4.25rem; border-radius: 50%; color: #fff; font-size: 1.75rem; font-weight: 650;
  background: linear-gradient(135deg, #3d7dff, #6a3df0);
}
.who h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -.025em; font-weight: 700; }
.email { margin-top: .6rem; color: var(--quiet); }
.facts { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .35rem 1rem; margin: 1.1rem 0 0; padding-top: 1.1rem; border-top: 1px solid var(--line); font-size: .875rem; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-size: .8125rem; font-weight: 600; line-height: 1.5; }
.badge.good { color: var(--good); background: var(--good-fill); }
.badge.warn { color: var(--warn); background: var(--warn-fill); }
.countdown { margin-top: .5rem; }
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
.organizations { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: .75rem; padding: 0; list-style: none; }
.organizations li { display: flex; align-items: center; gap: .85rem; padding: .85rem 1rem; border: 1px solid var(--line); border-radius: 1rem; font-weight: 600; line-height: 1.35; }
.organizations small { display: block; color: var(--quiet); font-weight: 400; }
.tile { flex: none; display: grid; place-items: center; width: 2.5rem; height: 2.5rem; border-radius: .7rem; background: var(--fill); color: var(--quiet); }
.more { margin-top: 1rem; font-size: .875rem; }
.message { padding: .85rem 1.15rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); overflow-wrap: anywhere; }
.message.bad { border-color: var(--bad-line); background: var(--bad-fill); color: var(--bad); }
.message.good { border-color: transparent; background: var(--good-fill); color: var(--good); }
.error { align-self: center; width: 100%; max-width: 36rem; margin-block: auto; padding: 2.25rem; }
.error h1 { margin: .25rem 0 .75rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.025em; }

@media (max-width: 56rem) {
  .hero { grid-template-columns: minmax(0, 1fr); align-content: start; gap: 2.5rem; padding-top: 1.5rem; }
  .account { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 30rem) {
  .bar, main, .foot { padding-inline: 1.125rem; }
  .brand small { display: none; }
  .card { padding: 1.35rem; }
  .hero .actions { flex-direction: column; align-items: stretch; text-align: center; }
  .person { flex-direction: row; gap: 1rem; }
  .avatar { width: 3.25rem; height: 3.25rem; font-size: 1.35rem; }
  .who { min-width: 0; flex: 1; }
  .who h1 { font-size: clamp(.95rem, 4.5vw, 1.4rem); }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .facts dd + dt { margin-top: .5rem; }
}
@media (prefers-reduced-motion: reduce) { .button { transition: none; } }
@media print { body { background: none; } .button { display: none; } }
`;
