import { describe, expect, it } from '@jest/globals';
import {
  changeRedirectURIs,
  MAX_WRITES,
  type RedirectURIWork,
} from '../../src/commands/change-redirect-uris';
import { APP, LocalClient, preview } from './support/local-client';

const local = new LocalClient();

describe('concurrent changes of redirect URIs', () => {
  /** Resolves when all parties have arrived, then starts the next round. */
  function barrier(parties: number) {
    let waiting: (() => void)[] = [];
    const open = () => {
      if (waiting.length < parties) return;
      for (const go of waiting) go();
      waiting = [];
    };
    return {
      arrive: () =>
        new Promise<void>((go) => {
          waiting.push(go);
          open();
        }),
      leave: () => {
        parties--;
        open();
      },
    };
  }

  it('are all made, however often they overwrite each other', async () => {
    const jobs = [1, 2, 3, 4, 5];
    const read = barrier(jobs.length);
    const written = barrier(jobs.length);
    // The worst case: in each round, all read before any of them writes.
    const work: RedirectURIWork = {
      registrations: {
        readRegistration: async (...given) => {
          const registration = await local.registrations.readRegistration(...given);
          await read.arrive();
          return registration;
        },
        updateRegistration: (...given) => local.registrations.updateRegistration(...given),
      },
      access: local.client,
      pause: written.arrive,
    };
    const changes = jobs.map(async (number) => {
      const hasChanged = await changeRedirectURIs({ action: 'add', uri: preview(number) }, work);
      for (const each of [read, written]) each.leave();
      return hasChanged;
    });
    expect(await Promise.all(changes)).toEqual(jobs.map(() => true));
    expect(new Set(await local.redirectURIs())).toEqual(new Set([APP, ...jobs.map(preview)]));
    expect(local.writes()).toBeGreaterThan(jobs.length);
  });

  it('do not restore what another one removes', async () => {
    local.emulator.updateClient(local.client.clientID, { redirectURIs: [APP, preview(1)] });
    const stale = await local.registrations.readRegistration(local.client);
    const others = ['https://other.example/', ...stale.redirectURIs];
    let isOverwritten = false;
    const hasChanged = await changeRedirectURIs(
      { action: 'remove', uri: preview(1) },
      {
        registrations: local.registrations,
        access: local.client,
        pause: async () => {
          if (!isOverwritten) local.emulator.updateClient(local.client.clientID, { redirectURIs: others });
          isOverwritten = true;
        },
      },
    );
    expect(hasChanged).toBe(true);
    expect(await local.redirectURIs()).toEqual(['https://other.example/', APP]);
  });

  it('end even when another client undoes each of them', async () => {
    const change = changeRedirectURIs(
      { action: 'add', uri: preview(1) },
      {
        registrations: local.registrations,
        access: local.client,
        pause: async () => void local.emulator.updateClient(local.client.clientID, { redirectURIs: [APP] }),
      },
    );
    await expect(change).rejects.toThrow(/^Other processes changed this client .* Run the command again\.$/);
    expect(local.writes()).toBe(MAX_WRITES);
  });

  it('continue after a server error of Polar', async () => {
    const failures = (count: number) => ({
      readRegistration: local.registrations.readRegistration.bind(local.registrations),
      updateRegistration: (...given: Parameters<typeof local.registrations.updateRegistration>) => {
        if (count-- > 0) local.emulator.fail('register', { status: 500 });
        return local.registrations.updateRegistration(...given);
      },
    });
    const pause = async (): Promise<void> => {};
    const change = { action: 'add', uri: preview(1) } as const;
    const never = { registrations: failures(Infinity), access: local.client, pause };
    await expect(changeRedirectURIs(change, never)).rejects.toMatchObject({ code: 'server_error' });
    expect(await local.redirectURIs()).toEqual([APP]);
    const soon = { registrations: failures(2), access: local.client, pause };
    expect(await changeRedirectURIs(change, soon)).toBe(true);
    expect(await local.redirectURIs()).toEqual([APP, preview(1)]);
  });
});
