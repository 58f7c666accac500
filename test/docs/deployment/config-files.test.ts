/** The configuration files of docs/deployment.md say the same as its app, and what they start exists. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse as parseTOML } from 'smol-toml';
import { parse as parseYAML } from 'yaml';
import { projectFile, root, runningFile } from '../shown-code.js';

const file = (name: string): string => runningFile('deployment', name);
const guide = projectFile('docs/deployment.md');
const server = file('server.ts');
const command = 'node --import tsx server.ts';
const trustProxyOf = (host: string): string | undefined =>
  new RegExp(`^\\| \\[?${host.replace('.', '\\.')}[^|]*\\| \`(\\S+?)\``, 'm').exec(guide)?.[1];
/** The longest that the process takes to end, in seconds. */
const shutdown = [...file('serve.ts').matchAll(/(?:noticeMs|requestsMs|withinMs): ([\d_]+)/g)]
  .map(([, ms = '']) => Number(ms.replace('_', '')) / 1000)
  .reduce((sum, seconds) => sum + seconds);
const variables = new Set(
  [...`${server}${file('from-environment.ts')}`.matchAll(/\b([A-Z]+_[A-Z_]+|PORT)\b/g)].map(
    ([, name]) => name,
  ),
);

describe('the configuration files of the guide to deployments', () => {
  it('start a file that exists, with a loader among the dependencies that they install', () => {
    expect(existsSync(join(root, 'test/docs/deployment/server.ts'))).toBe(true);
    expect(file('Procfile')).toBe(`web: ${command}\n`);
    const [, exec = '[]'] = /^CMD (\[.*\])$/m.exec(file('Dockerfile')) ?? [];
    expect(JSON.parse(exec)).toEqual(command.split(' '));
    expect(guide).toMatch(/^npm install .* tsx$/m);
  });

  it('fly.toml serves the port of the app, with the health check, the proxies and the time that it needs', () => {
    const fly = parseTOML(file('fly.toml')) as {
      kill_signal: string;
      kill_timeout: number;
      env: Record<string, string>;
      http_service: { internal_port: number; checks: { path: string; interval: string }[] };
    };
    expect(fly.kill_signal).toBe('SIGTERM');
    expect(fly.kill_timeout).toBeGreaterThan(shutdown);
    expect(String(fly.http_service.internal_port)).toBe(fly.env['PORT']);
    expect(fly.env['TRUST_PROXY']).toBe(trustProxyOf('Fly.io'));
    for (const name of Object.keys(fly.env)) expect(variables).toContain(name);
    expect(fly.http_service.checks.map(({ path }) => path)).toEqual(['/health']);
  });

  it('render.yaml sets each variable of the app, and gives it the time that it needs', () => {
    const { services } = parseYAML(file('render.yaml')) as {
      services: (Record<string, unknown> & { envVars: { key: string; value?: string }[] })[];
    };
    const [web, store] = services;
    expect(web).toMatchObject({ type: 'web', startCommand: command, healthCheckPath: '/health' });
    expect(web?.['maxShutdownDelaySeconds']).toBeGreaterThan(shutdown);
    const set = new Map(web?.envVars.map(({ key, value }) => [key, value]));
    expect(set.get('TRUST_PROXY')).toBe(trustProxyOf('Render'));
    // Render sets PORT itself, and POLAR_SERVER is for the sandbox.
    expect([...set.keys(), 'PORT', 'POLAR_SERVER'].sort()).toEqual([...variables].sort());
    expect(store).toMatchObject({ type: 'keyvalue', name: 'shop-logins', maxmemoryPolicy: 'noeviction' });
  });

  it('vercel.json is in the guide, sends every path to the function, which may run longer than its longest wait', () => {
    expect(projectFile('docs/serverless.md')).toContain(`\`\`\`json\n${file('vercel.json')}\`\`\``);
    const { rewrites, functions } = JSON.parse(file('vercel.json'));
    expect(rewrites).toEqual([{ source: '/(.*)', destination: '/api' }]);
    for (const name of Object.keys(functions)) expect(file(name)).toContain('export default');
    const [, waitsMs = ''] = /withinMs: (\d+)/.exec(file('settled-before-response.ts')) ?? [];
    expect(functions['api/index.ts'].maxDuration).toBeGreaterThan(10 + Number(waitsMs) / 1000);
  });

  it('the tunnel leads to the port of the app, and ends with a rule for everything else', () => {
    const { ingress } = parseYAML(file('cloudflared.yml'));
    const [, port] = /PORT \?\? (\d+)/.exec(server) ?? [];
    expect(ingress).toEqual([
      { hostname: 'app.shop.example', service: `http://localhost:${port}` },
      { service: 'http_status:404' },
    ]);
  });

  it('the guide and its app agree on how long an ending process takes', () => {
    expect(projectFile('docs/rolling-deploys.md')).toContain(`${shutdown} seconds here`);
  });
});
