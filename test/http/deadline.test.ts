import { describe, expect, it, jest } from '@jest/globals';
import { PolarTransientError } from '../../src/errors.js';
import { startDeadline } from '../../src/http/deadline.js';
import { createHttp } from '../../src/http/http.js';
import {
  answersJSON,
  answersText,
  drips,
  neverAnswers,
  redirects,
  resets,
  stopsInTheMiddle,
} from '../support/misbehaving-server.js';
import { failure, hasty, patient, plainFetch, ServerPerTest } from './support/server-per-test.js';

const server = new ServerPerTest();
const get = server.get.bind(server);

describe('the time limit of a request', () => {
  it.each([
    ['never responds', neverAnswers],
    ['stops in the middle of the body', stopsInTheMiddle],
    ['sends an endless body in drips', drips(5)],
    ['sends an endless error in drips', (res, req) => drips(5)(Object.assign(res, { statusCode: 500 }), req)],
  ] as [string, typeof neverAnswers][])(
    'ends it with timeout when the server %s',
    async (_what, behaviour) => {
      server.behave(behaviour);
      const error = await failure(hasty(get()));
      expect(error).toBeInstanceOf(PolarTransientError);
      expect(error).toMatchObject({ code: 'timeout', status: 503 });
      expect(error.message).toContain(`GET ${server.url}/path took longer than 60 ms`);
    },
  );

  it('can be set for one call', async () => {
    server.behave(neverAnswers);
    expect((await failure(patient(get({ timeoutMs: 40 })))).message).toContain('took longer than 40 ms');
    server.behave(answersJSON({}));
    expect((await hasty(get({ timeoutMs: 10_000 }))).status).toBe(200);
  });

  it('closes the connection to a slow server', async () => {
    const closed = new Promise<void>((resolve) => server.behave((res) => void res.on('close', resolve)));
    await failure(hasty(get()));
    await closed;
  });

  it('applies to a fetch that ignores its signal', async () => {
    const http = createHttp({ fetch: () => new Promise(() => {}), timeoutMs: 20 });
    expect(await failure(http(get()))).toMatchObject({ code: 'timeout' });
  });

  it('applies to a body that ignores the signal', async () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('{')),
    });
    const http = createHttp({
      fetch: async () => new Response(body, { headers: { 'content-type': 'application/json' } }),
      timeoutMs: 20,
    });
    expect(await failure(http(get()))).toMatchObject({ code: 'timeout' });
  });

  it('causes no unhandled rejection when fetch fails afterwards', async () => {
    let fail = (_error: Error): void => {};
    const late = new Promise<Response>((_resolve, reject) => {
      fail = reject;
    });
    await failure(createHttp({ fetch: () => late, timeoutMs: 10 })(get()));
    const unhandled: unknown[] = [];
    const note = (error: unknown): number => unhandled.push(error);
    process.on('unhandledRejection', note);
    fail(new Error('late'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('leaves no timer behind, however the request ends', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const http = createHttp({
      fetch: async (url) => {
        if (url === 'fail') throw new Error('no');
        return new Response('{}', { headers: { 'content-type': 'application/json' } });
      },
      timeoutMs: 1_000_000,
    });
    const before = timers();
    await http({ method: 'GET', url: 'https://polar.example/' });
    await failure(http({ method: 'GET', url: 'fail' }));
    await failure(
      http({
        method: 'GET',
        url: 'https://polar.example/',
        signal: AbortSignal.abort(new PolarTransientError('timeout', 'mine')),
      }),
    );
    expect(timers()).toBe(before);
  });
});

describe('the signal of the caller', () => {
  const reason = new Error('the visitor has left');

  it('sends nothing and throws its reason when it is aborted before the start', async () => {
    const fetchSpy = jest.fn(plainFetch);
    const http = createHttp({ fetch: fetchSpy, timeoutMs: 10_000 });
    await expect(http(get({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(fetchSpy).not.toHaveBeenCalled();
  });

  it.each([
    ['before the headers', neverAnswers],
    ['during the body', stopsInTheMiddle],
  ])('throws its reason when it is aborted %s', async (_when, behaviour) => {
    const controller = new AbortController();
    server.behave((res, request) => {
      behaviour(res, request);
      setTimeout(() => controller.abort(reason), 20);
    });
    await expect(patient(get({ signal: controller.signal }))).rejects.toBe(reason);
  });

  it('throws a reason of any type unchanged', async () => {
    await expect(patient(get({ signal: AbortSignal.abort('a string') }))).rejects.toBe('a string');
    await expect(patient(get({ signal: AbortSignal.abort() }))).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('ends a request whose fetch ignores it', async () => {
    const controller = new AbortController();
    const http = createHttp({ fetch: () => new Promise(() => {}), timeoutMs: 10_000 });
    const asked = http(get({ signal: controller.signal }));
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });

  it('does not hide a time-out when it is not aborted', async () => {
    server.behave(neverAnswers);
    const { signal } = new AbortController();
    expect(await failure(hasty(get({ signal })))).toMatchObject({ code: 'timeout' });
  });

  it('has no listener left, however the request ends', async () => {
    const controller = new AbortController();
    const counts = countListeners(controller.signal);
    server.behave(
      answersJSON({}),
      answersText('', 500),
      resets,
      redirects('/x'),
      answersJSON({}, 400),
      neverAnswers,
    );
    for (let time = 0; time < 6; time++) {
      await createHttp({ fetch: plainFetch, timeoutMs: time === 5 ? 30 : 10_000 })(
        get({ signal: controller.signal }),
      ).catch(() => {});
    }
    expect(counts.added).toBe(6);
    expect(counts.present()).toBe(0);
  });
});

describe('a deadline', () => {
  it('aborts its signal with the reason of the outer signal', () => {
    const outer = new AbortController();
    const deadline = startDeadline(10_000, outer.signal);
    expect(deadline.signal.aborted).toBe(false);
    outer.abort('why');
    expect(deadline.signal.reason).toBe('why');
    deadline.stop();
  });

  it('ignores the outer signal once it is stopped', () => {
    const outer = new AbortController();
    const deadline = startDeadline(10_000, outer.signal);
    deadline.stop();
    outer.abort();
    expect(deadline.signal.aborted).toBe(false);
  });

  it('removes its listeners when a race is over', async () => {
    const deadline = startDeadline(10_000);
    const counts = countListeners(deadline.signal);
    await deadline.race(Promise.resolve());
    await deadline.race(Promise.reject(new Error('no'))).catch(() => {});
    await new Promise(setImmediate);
    expect(counts.added).toBe(2);
    expect(counts.present()).toBe(0);
    deadline.stop();
  });
});

/** Counts the listeners that are added to a signal, and those that are still there. */
function countListeners(signal: AbortSignal): { added: number; present: () => number } {
  const present = new Set<unknown>();
  const counts = { added: 0, present: () => present.size };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.assign(signal, {
    addEventListener: (type: 'abort', listener: () => void, options?: object) => {
      counts.added++;
      present.add(listener);
      add(type, listener, options);
    },
    removeEventListener: (type: 'abort', listener: () => void) => {
      present.delete(listener);
      remove(type, listener);
    },
  });
  return counts;
}
