import { Html, html } from './html.js';

// The text is our own, so it may contain marks: {k keyword}, {s string}, {f function}, {c comment}.
const source = `{k const} polar = {k new} {f PolarStrategy}({
  clientID: process.env.POLAR_CLIENT_ID,
  clientSecret: process.env.POLAR_CLIENT_SECRET,
  callbackURL: {s '/auth/polar/callback'},
  scope: [{s 'openid'}, {s 'email'}, {s 'organizations:read'}],
});
passport.{f use}(polar);
app.{f use}(passport.{f session}(), {f polarTokens}(polar));

app.{f get}({s '/auth/polar'}, passport.{f authenticate}({s 'polar'}));

app.{f get}({s '/organizations'}, {k async} (req, res) => {
  {c // a fresh token, and one retry after a 401}
  {k const} response = {k await} req.polar.{f fetch}({s '/v1/organizations/'});
  res.{f json}({k await} response.{f json}());
});`;

/** The essential lines of this app, highlighted. */
export const codeSample = html`<figure class="code">
<figcaption><span></span><span></span><span></span>app.ts</figcaption>
<pre tabindex="0" role="region" aria-label="The code of this app, in short"><code>${new Html(
  html`${source}`.markup.replace(/\{([ksfc]) (.*?)\}(?=[^}]|$)/g, '<i class="$1">$2</i>'),
)}</code></pre>
</figure>`;
