/** Opens the consent page of a local Polar and agrees like a user; resolves with the address to which that leads. */
export async function giveConsent(authorizeURL: URL): Promise<string> {
  const page = await fetch(authorizeURL, { redirect: 'manual' });
  const markup = await page.text();
  const action = unescaped(/<form method="post" action="([^"]+)"/.exec(markup)?.[1] ?? '');
  const token = unescaped(/name="consent_form" value="([^"]+)"/.exec(markup)?.[1] ?? '');
  if (page.status !== 200 || action === '') throw new Error(`The consent page answered ${page.status}`);
  const answer = await fetch(new URL(action, authorizeURL), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ consent_form: token, action: 'allow' }),
  });
  const location = answer.headers.get('location');
  if (location === null) throw new Error(`The consent form answered ${answer.status}`);
  return location;
}

function unescaped(text: string): string {
  return text.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"');
}
