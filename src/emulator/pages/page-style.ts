/**
 * The only style sheet of the pages; light or dark like the user's system. Allow is the first action, because Enter presses the first
 * button of a form. It is also above the other, so that the focus moves in reading order.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f4f5; --card: #ffffff; --ink: #18181b; --quiet: #5f5f68; --line: #e4e4e7;
  --accent: #0062ff; --accent-ink: #ffffff; --tint: #f0f6ff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #09090b; --card: #18181b; --ink: #fafafa; --quiet: #a8a8b3; --line: #2e2e33;
    --accent: #4d8dff; --accent-ink: #06101f; --tint: #15233d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; padding: 1.5rem 1rem; background: var(--page); color: var(--ink);
  display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 1rem;
  font: 400 1rem/1.5 ui-sans-serif, system-ui, -apple-system, 'Segoe UI', sans-serif; overflow-wrap: anywhere;
}
main {
  width: 100%; max-width: 27rem; padding: 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1.25rem;
}
@media (max-width: 26rem) { main { padding: 1.25rem; } }
.mark {
  width: 3rem; height: 3rem; margin: 0 auto 1rem; border-radius: 50%;
  border: .3rem solid var(--ink); border-left-width: .9rem; border-right-width: .15rem;
}
h1 { margin: 0; font-size: 1.25rem; font-weight: 600; line-height: 1.35; text-align: center; }
.lead { margin: .5rem 0 1.5rem; color: var(--quiet); text-align: center; }
h2, legend { padding: 0; margin: 0 0 .5rem; font-size: .875rem; font-weight: 600; }
ul { margin: 0 0 1.5rem; padding: 0; list-style: none; border: 1px solid var(--line); border-radius: .75rem; }
li { padding: .6rem .875rem; font-size: .9375rem; }
li + li { border-top: 1px solid var(--line); }
.hint code { white-space: nowrap; }
li code { display: block; color: var(--quiet); font-size: .75rem; }
fieldset { margin: 0 0 1.5rem; padding: 0; border: 0; min-width: 0; }
.hint { margin: -.25rem 0 .5rem; color: var(--quiet); font-size: .8125rem; }
.choice {
  display: flex; align-items: center; gap: .75rem; padding: .6rem .875rem; margin-bottom: .375rem;
  border: 1px solid var(--line); border-radius: .75rem; cursor: pointer;
}
.choice:has(:checked) { border-color: var(--accent); background: var(--tint); }
.choice input { flex: none; width: 1.05rem; height: 1.05rem; margin: 0; accent-color: var(--accent); }
.choice small, .person small { display: block; color: var(--quiet); }
.actions { display: flex; flex-direction: column; gap: .75rem; }
button {
  padding: .7rem 1rem; border: 1px solid var(--line); border-radius: .75rem; cursor: pointer;
  background: transparent; color: inherit; font: inherit; font-weight: 600;
}
button.primary { border-color: var(--accent); background: var(--accent); color: var(--accent-ink); }
button:hover { filter: brightness(1.08); }
:focus-visible { outline: .1875rem solid var(--accent); outline-offset: .125rem; }
details { margin: 0 0 1.5rem; font-size: .875rem; }
summary { min-height: 1.5rem; border-radius: .25rem; cursor: pointer; color: var(--quiet); }
.person {
  display: block; padding: .6rem .875rem; margin-top: .375rem; border: 1px solid var(--line);
  border-radius: .75rem; color: inherit; text-decoration: none;
}
.person:hover { border-color: var(--accent); }
footer { max-width: 27rem; color: var(--quiet); font-size: .8125rem; text-align: center; }
`;
