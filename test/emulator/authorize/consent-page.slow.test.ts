import { expect, it } from '@jest/globals';
import { LocalPolar, type Reply } from '../support/local-polar';

const polar = new LocalPolar({});

async function allow({ text }: Reply): Promise<number> {
  const path = (/<form method="post" action="([^"]+)">/.exec(text)?.[1] ?? '').replaceAll('&amp;', '&');
  const form = /name="consent_form" value="([^"]+)"/.exec(text)?.[1] ?? '';
  const body = new URLSearchParams({ consent_form: form, action: 'allow' });
  return (await polar.send(path, { method: 'POST', body })).status;
}

it('the form of a consent page is forgotten after a thousand others were shown', async () => {
  const early = await polar.authorize();
  for (let shown = 0; shown < 1000; shown += 1) await polar.authorize({ state: String(shown) });
  const late = await polar.authorize();
  expect([await allow(early), await allow(late)]).toEqual([400, 302]);
});
