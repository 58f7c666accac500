/** Redis as production runs it: a cluster, Sentinel, replicas. Real servers on free ports of 127.0.0.1. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort } from './free-port.js';
import { until } from './until.js';

/** One server of a topology. */
export interface RedisNode {
  readonly port: number;
  /** Where the nodes of a cluster talk to each other. */
  readonly busPort: number;
  readonly url: string;
  send(...command: string[]): Promise<unknown>;
  /** Stops it where it is, with its connections open, until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Kills it, as a machine that is lost. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

/** Servers that run the same program: `redis-server`, or `valkey-server` where it is installed. */
export class RedisNodes {
  readonly #folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-redis-'));
  readonly #opened: RedisNode[] = [];

  constructor(readonly program = 'redis-server') {}

  /** @param config lines of a configuration file */
  async start(config: readonly string[] = [], flags: readonly string[] = []): Promise<RedisNode> {
    const [port, busPort] = [await freePort(), await freePort()];
    const file = join(this.#folder, `${port}.conf`);
    const lines = [`port ${port}`, 'bind 127.0.0.1', `dir ${this.#folder}`, ...config];
    if (!flags.includes('--sentinel')) lines.push('save ""', 'appendonly no', 'repl-diskless-sync-delay 0');
    if (config.includes(clusterEnabled))
      lines.push(`cluster-port ${busPort}`, `cluster-config-file nodes-${port}.conf`);
    writeFileSync(file, `${lines.join('\n')}\n`);
    const server = spawn(this.program, [file, ...flags], { stdio: 'ignore' });
    const client = createClient({
      socket: { host: '127.0.0.1', port, reconnectStrategy: (retries) => Math.min(50 * retries, 200) },
    });
    client.on('error', () => {}); // it is still starting, or has been stopped
    const crash = (): Promise<void> => kill(server);
    const node: RedisNode = {
      port,
      busPort,
      url: `redis://127.0.0.1:${port}`,
      send: (...command) => client.sendCommand(command),
      pause: () => void server.kill('SIGSTOP'),
      resume: () => void server.kill('SIGCONT'),
      crash,
      async close() {
        if (client.isOpen) client.destroy();
        await crash();
      },
    };
    this.#opened.push(node);
    await client.connect();
    return node;
  }

  /** Three masters with a third of the slots each. */
  async startCluster(config: readonly string[] = []): Promise<readonly RedisNode[]> {
    const nodes = await Promise.all(
      [0, 1, 2].map(() => this.start([clusterEnabled, 'cluster-node-timeout 2000', ...config])),
    );
    const third = 16_384 / 3;
    for (const [index, node] of nodes.entries()) {
      const [from, to] = [Math.ceil(third * index), Math.ceil(third * (index + 1)) - 1];
      await node.send('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
      // Otherwise two nodes may claim one epoch.
      await node.send('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    }
    for (const node of nodes.slice(1)) await meet(nodes[0] as RedisNode, node);
    await this.untilClusterIsUp(nodes);
    return nodes;
  }

  /** Gives each master of a cluster a replica. */
  async addReplicas(
    masters: readonly RedisNode[],
    config: readonly string[] = [],
  ): Promise<readonly RedisNode[]> {
    const replicas: RedisNode[] = [];
    for (const master of masters) {
      const replica = await this.start([clusterEnabled, 'cluster-node-timeout 2000', ...config]);
      await meet(replica, master);
      const id = String(await master.send('CLUSTER', 'MYID'));
      await until(async () => String(await replica.send('CLUSTER', 'NODES')).includes(id), 20_000);
      await replica.send('CLUSTER', 'REPLICATE', id);
      replicas.push(replica);
    }
    for (const replica of replicas)
      await until(async () => /master_link_status:up/.test(String(await replica.send('INFO'))), 20_000);
    await this.untilClusterIsUp([...masters, ...replicas]);
    return replicas;
  }

  async untilClusterIsUp(nodes: readonly RedisNode[]): Promise<void> {
    for (const node of nodes) {
      await until(async () => {
        const info = String(await node.send('CLUSTER', 'INFO'));
        return /cluster_state:ok/.test(info) && info.includes(`cluster_known_nodes:${nodes.length}`);
      }, 30_000);
    }
  }

  /** A master, its replica, and three Sentinels that watch them as `polar`. */
  async startSentinel(): Promise<{ master: RedisNode; replica: RedisNode; sentinels: readonly RedisNode[] }> {
    const master = await this.start();
    const replica = await this.start([`replicaof 127.0.0.1 ${master.port}`]);
    await until(async () => /master_link_status:up/.test(String(await replica.send('INFO'))), 20_000);
    const watch = [
      `sentinel monitor polar 127.0.0.1 ${master.port} 2`,
      'sentinel down-after-milliseconds polar 1000',
      'sentinel failover-timeout polar 5000',
    ];
    const sentinels = await Promise.all([0, 1, 2].map(() => this.start(watch, ['--sentinel'])));
    for (const sentinel of sentinels) {
      await until(async () => {
        const info = String(await sentinel.send('INFO', 'sentinel'));
        return /slaves=1,sentinels=3/.test(info);
      }, 30_000);
    }
    return { master, replica, sentinels };
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((node) => node.close()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const clusterEnabled = 'cluster-enabled yes';

async function meet(node: RedisNode, { port, busPort }: RedisNode): Promise<void> {
  await node.send('CLUSTER', 'MEET', '127.0.0.1', String(port), String(busPort));
}

async function kill(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGKILL');
  await exited;
}

/** A slot on its way from one node of a cluster to another. */
export interface MovingSlot {
  /** Moves one more key; false if there is none left. */
  moveKey(key?: string): Promise<boolean>;
  /** Hands the slot over, when all keys are moved. */
  finish(): Promise<void>;
}

/** Starts to move the slot of a key to another node, as `redis-cli --cluster reshard` does. */
export async function startMovingSlot(nodes: readonly RedisNode[], key: string): Promise<MovingSlot> {
  const slot = String(await nodes[0]?.send('CLUSTER', 'KEYSLOT', key));
  const [from, to] = await endsOf(nodes, Number(slot));
  const [fromId, toId] = [
    String(await from.send('CLUSTER', 'MYID')),
    String(await to.send('CLUSTER', 'MYID')),
  ];
  await to.send('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.send('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  return {
    async moveKey(given) {
      const [next] = given ? [given] : ((await from.send('CLUSTER', 'GETKEYSINSLOT', slot, '1')) as string[]);
      if (next !== undefined) await from.send('MIGRATE', '127.0.0.1', String(to.port), next, '0', '5000');
      return next !== undefined;
    },
    async finish() {
      // In this order, so that a node that hands the slot over never stays without an owner of it.
      const rest = nodes.filter((node) => node !== from && node !== to);
      for (const node of [to, from, ...rest]) await node.send('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    },
  };
}

/** The node that has the slot, and the next one. */
async function endsOf(nodes: readonly RedisNode[], slot: number): Promise<[RedisNode, RedisNode]> {
  const ranges = (await nodes[0]?.send('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  const owner = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
  const index = nodes.findIndex(({ port }) => port === owner);
  return [nodes[index], nodes[(index + 1) % nodes.length]] as [RedisNode, RedisNode];
}

/** How many times the servers have run a command, or returned an error. */
export async function countOf(
  servers: readonly RedisNode[],
  what: { command: string } | { error: string },
): Promise<number> {
  const [section, name] = 'command' in what ? ['cmdstat', what.command] : ['errorstat', what.error];
  const counts = await Promise.all(
    servers.map(async (server) => {
      const stats = String(await server.send('INFO', `${section === 'cmdstat' ? 'command' : 'error'}stats`));
      return Number(new RegExp(`${section}_${name}:(?:calls|count)=(\\d+)`).exec(stats)?.[1] ?? 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
