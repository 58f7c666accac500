import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { highlight } from './highlight.js';
import { html } from './html.js';

const fileName = 'log-in-with-polar.ts';
/** The module that this app logs in with. */
export const sampleSource = readFileSync(join(__dirname, '..', fileName), 'utf8').trimEnd();

/** The code that this app runs on, highlighted. */
export const codeSample = html`<figure class="code">
<figcaption><span></span><span></span><span></span>example-app/${fileName}</figcaption>
<pre tabindex="0" role="region" aria-label="The code that this page runs on"><code>${highlight(sampleSource)}</code></pre>
</figure>`;
