import { Pool as NeonPool, neon, neonConfig } from '@neondatabase/serverless';
import type { PostgresClient } from 'passport-polar-sh/postgres';
import type { Pool } from 'pg';

/**
 * Neon's serverless driver over HTTP, whose server is a PostgreSQL of this machine: it sends each statement as JSON, and gets
 * values as text.
 *
 * @param kind the function that `neon()` returns, or a pool
 */
export function neonOver(
  pool: Pool,
  kind: 'neon' | 'pool' = 'neon',
): { client: PostgresClient; close(): Promise<void> } {
  // The driver has one configuration for all connections, so the name of the host tells them apart.
  const host = `${kind}-${++opened}.neon.test`;
  servers.set(`https://api.neon.test/${host}`, pool);
  neonConfig.poolQueryViaFetch = true;
  neonConfig.fetchEndpoint = (name) => `https://api.neon.test/${name}`;
  neonConfig.fetchFunction = async (url: string, init: { body: string }) => {
    const { params, query } = JSON.parse(init.body) as { query: string; params: unknown[] };
    try {
      const { command, fields, rowCount, rows } = await serverAt(url).query({
        text: query,
        values: params,
        rowMode: 'array',
        types: { getTypeParser: () => String as never },
      });
      return Response.json({ command, fields, rowCount, rows, rowAsArray: true });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return Response.json({ code, message }, { status: 400 });
    }
  };
  const url = `postgres://ada:not-a-secret@${host}/db`;
  const client: PostgresClient = kind === 'neon' ? neon(url) : new NeonPool({ connectionString: url });
  return { client, close: async () => void (pool.ended || (await pool.end())) };
}

let opened = 0;
const servers = new Map<string, Pool>();

function serverAt(url: string): Pool {
  const server = servers.get(url);
  if (server === undefined) throw new Error(`There is no server at ${url}`);
  return server;
}
