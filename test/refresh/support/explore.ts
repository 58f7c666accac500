/** Runs a scenario in every order of its steps, or in many of them. */

import { randomNumbers } from '../../support/random-numbers.js';
import { settle, stepTime } from '../../support/virtual-time.js';
import type { RefresherWorld } from './refresher-world.js';

/** A scenario, set up anew for each order. */
export interface Scenario {
  readonly world: RefresherWorld;
  /** Starts all processes. */
  start(): Promise<unknown>[];
  /** What must hold once all of them are done. */
  check(): Promise<void>;
}

/** Picks one of so many steps that could come next. */
type Pick = (options: number) => number;

/** Runs all orders; resolves with their number. */
export async function everyOrder(
  makeScenario: () => Promise<Scenario>,
  options: { readonly inOrderPerActor?: boolean } = {},
): Promise<number> {
  const picked: number[] = [];
  const widths: number[] = [];
  for (let orders = 1; ; orders++) {
    let depth = 0;
    await runInOrder(await makeScenario(), options.inOrderPerActor ?? false, (width) => {
      widths[depth] = width;
      picked[depth] ??= 0;
      return picked[depth++] as number;
    });
    picked.length = depth;
    while (depth > 0 && (picked[depth - 1] as number) + 1 >= (widths[depth - 1] as number)) depth--;
    picked.length = depth;
    if (depth === 0) return orders;
    picked[depth - 1] = (picked[depth - 1] as number) + 1;
  }
}

/** Runs some orders, the same ones each time. */
export async function someOrders(
  makeScenario: (random: (below: number) => number) => Promise<Scenario>,
  orders: number,
): Promise<void> {
  for (let seed = 1; seed <= orders; seed++) {
    const random = randomNumbers(seed);
    await runInOrder(await makeScenario(random), false, random);
  }
}

async function runInOrder({ world, start, check }: Scenario, inOrderPerActor: boolean, pick: Pick) {
  const from = world.log.length;
  const waiting = world.holdAll();
  let background = 0;
  for (const work of start()) {
    background++;
    const done = (): void => {
      background--;
    };
    work.then(done, done);
  }
  for (;;) {
    await settle();
    const choices = waiting.filter(
      ({ actor }, index) => !inOrderPerActor || waiting.findIndex((other) => other.actor === actor) === index,
    );
    const next = choices[choices.length > 1 ? pick(choices.length) : 0];
    if (next !== undefined) {
      waiting.splice(waiting.indexOf(next), 1);
      next.go();
    } else if (background === 0) {
      break;
    } else if (!stepTime()) {
      throw new Error('Nothing is left to wait for, and somebody is not done');
    }
  }
  const order = world.log.slice(from).join(', ');
  world.letAllGo();
  try {
    await check();
  } catch (error) {
    (error as Error).message += `\nin this order: ${order}`;
    throw error;
  }
}
