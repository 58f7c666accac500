import { describe, expect, it } from '@jest/globals';
import { runCLI } from '../support/run-cli';
import { APP, LocalClient, preview } from './support/local-client';

const local = new LocalClient();

describe('passport-polar-sh redirect-uris as a process', () => {
  it('allows logins of a preview deployment after it is added and until it is removed', async () => {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: local.client.clientID,
      redirect_uri: preview(7),
    });
    const logIn = () => local.emulator.authorize(`${local.emulator.url}/oauth2/authorize?${query}`);
    const command = (...args: string[]) => runCLI(['redirect-uris', ...args], local.environment());
    await expect(logIn()).rejects.toThrow();
    expect(await command('add', preview(7))).toEqual({ code: 0, out: `Added ${preview(7)}\n`, error: '' });
    expect(await command('list')).toEqual({ code: 0, out: `${APP}\n${preview(7)}\n`, error: '' });
    expect(await logIn()).toMatch(/^\/auth\/polar\/callback\?code=polar_ac_/);
    expect(await command('remove', preview(7))).toEqual({
      code: 0,
      out: `Removed ${preview(7)}\n`,
      error: '',
    });
    await expect(logIn()).rejects.toThrow();
    expect(await local.redirectURIs()).toEqual([APP]);
  });

  it('exits with 1 when Polar refuses, and with 2 when its arguments make no sense', async () => {
    const wrong = { ...local.environment(), POLAR_REGISTRATION_ACCESS_TOKEN: 'polar_crt_wrong' };
    const refused = await runCLI(['redirect-uris', 'list'], wrong);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.error).toMatch(
      /^passport-polar-sh redirect-uris: .*Check that the client still exists.*\n$/,
    );
    const nonsense = await runCLI(['redirect-uris', 'add'], local.environment());
    expect([nonsense.code, nonsense.out]).toEqual([2, '']);
  });

  it('keeps both of two changes that are made concurrently', async () => {
    const runs = [1, 2].map((number) =>
      runCLI(['redirect-uris', 'add', preview(number)], local.environment()),
    );
    expect((await Promise.all(runs)).map(({ code }) => code)).toEqual([0, 0]);
    expect(new Set(await local.redirectURIs())).toEqual(new Set([APP, preview(1), preview(2)]));
  });
});
