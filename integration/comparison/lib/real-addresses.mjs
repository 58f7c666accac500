// Loaded into an app whose library calls nothing but https: its requests to Polar's real addresses go to the local Polar, whose
// discovery document names the real addresses then.
const local = process.env.LOCAL_POLAR;
const realFetch = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const { href, pathname, search } = new URL(input);
  if (!/^https:\/\/(api\.)?polar\.sh\//.test(href)) return realFetch(input, init);
  const response = await realFetch(new URL(pathname + search, local), init);
  if (pathname !== '/.well-known/openid-configuration') return response;
  const document = await response.text();
  const real = document
    .replaceAll(`${local}/oauth2/`, 'https://polar.sh/oauth2/')
    .replaceAll(`${local}/`, 'https://api.polar.sh/');
  return new Response(real, response);
};
