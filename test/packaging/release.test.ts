/** What a release needs beside the code: versions, changelog, workflows, and the pages for contributors. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const root = resolve(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(read('package.json'));

interface Workflow {
  readonly on: Record<string, unknown>;
  readonly permissions: unknown;
  readonly jobs: Record<
    string,
    {
      readonly permissions?: unknown;
      readonly needs?: string;
      readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
      readonly strategy?: { readonly matrix: Record<string, readonly string[]> };
    }
  >;
}
const workflow = (name: string): Workflow => parse(read(`.github/workflows/${name}.yml`));
const commandsOf = ({ jobs }: Workflow, job: string) => jobs[job]?.steps.map(({ run }) => run ?? '') ?? [];

describe('package.json', () => {
  // Set them with the first public repository, and remove this test: npm refuses provenance without `repository`.
  it('has no field yet that needs the public address of the repository', () => {
    for (const field of ['repository', 'homepage', 'bugs']) expect(manifest).not.toHaveProperty(field);
  });

  it('has nothing that npm would correct when it publishes', () => {
    const folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-release-'));
    try {
      writeFileSync(join(folder, 'package.json'), read('package.json'));
      execFileSync('npm', ['pkg', 'fix'], { cwd: folder, stdio: 'pipe' });
      expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toEqual(manifest);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has the version of the newest entry of the changelog', () => {
    const versions = [...read('CHANGELOG.md').matchAll(/^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$/gm)];
    expect(versions[0]?.[1]).toBe(manifest.version);
    expect(read('CHANGELOG.md')).toMatch(/^## Unreleased$/m);
    const days = versions.map(([, , day]) => day);
    expect(days).toEqual(days.toSorted().reverse());
  });
});

describe('the CI workflow', () => {
  const ci = workflow('ci');

  it('runs what decides whether a change lands', () => {
    expect(commandsOf(ci, 'everything').at(-1)).toContain('.ci/run');
  });

  it('tries every kind of project and nothing else', async () => {
    const listed = execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        "import { kinds } from './integration/kinds.mjs'; console.log(JSON.stringify(kinds.map(({ name }) => name)))",
      ],
      { cwd: root, encoding: 'utf8' },
    );
    const kinds = (JSON.parse(listed) as string[]).map((name) => name.toLowerCase());
    const parts = (ci.jobs['kinds']?.strategy?.matrix['part'] ?? []).map((part) => part.toLowerCase());
    expect(kinds.length).toBeGreaterThan(20);
    expect(kinds.filter((name) => !parts.some((part) => name.includes(part)))).toEqual([]);
    expect(parts.filter((part) => !kinds.some((name) => name.includes(part)))).toEqual([]);
    const nodes = kinds.flatMap((name) => /^node (\d+),/.exec(name)?.[1] ?? []);
    expect(ci.jobs['node']?.strategy?.matrix['node']).toEqual(nodes);
  });

  it('may only read the repository', () => {
    expect(ci.permissions).toEqual({ contents: 'read' });
    for (const { permissions } of Object.values(ci.jobs)) expect(permissions).toBeUndefined();
  });
});

describe('the release workflow', () => {
  const release = workflow('release');

  it('publishes a tag with provenance, after everything has passed', () => {
    expect(release.on).toEqual({ push: { tags: ['v*'] } });
    expect(commandsOf(release, 'check').at(-1)).toContain('.ci/run');
    expect(release.jobs['publish']?.needs).toBe('check');
    expect(commandsOf(release, 'publish').at(-1)).toBe('npm publish --provenance --access public');
  });

  it('refuses a tag that is not the version', () => {
    const script = commandsOf(release, 'check').find((run) => run.includes('GITHUB_REF_NAME')) ?? '';
    const check = (tag: string) => () =>
      execFileSync('bash', ['-e', '-c', script], {
        cwd: root,
        env: { ...process.env, GITHUB_REF_NAME: tag },
        stdio: 'pipe',
      });
    expect(check(`v${manifest.version}`)).not.toThrow();
    expect(check('v0.0.1')).toThrow();
    expect(check(manifest.version)).toThrow();
  });

  it('gives the right to sign to the job that publishes, and no other right', () => {
    expect(release.permissions).toEqual({ contents: 'read' });
    expect(release.jobs['publish']?.permissions).toEqual({ contents: 'read', 'id-token': 'write' });
    expect(release.jobs['check']?.permissions).toBeUndefined();
  });
});

describe('an issue about something that does not work', () => {
  it('has to contain the output of doctor', () => {
    const { body } = parse(read('.github/ISSUE_TEMPLATE/bug.yml'));
    const doctor = body.find(({ id }: { id?: string }) => id === 'doctor');
    expect(doctor.attributes.label).toContain('npx passport-polar-sh doctor');
    expect(doctor.validations.required).toBe(true);
  });
});

describe('CONTRIBUTING.md', () => {
  const page = read('CONTRIBUTING.md');

  it('names only files and scripts that exist', () => {
    const named = [...page.matchAll(/`((?:src|test|docs|example-app|\.github)\/[\w./-]+)`/g)].map(
      ([, path]) => path ?? '',
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    const scripts = [...page.matchAll(/npm (?:run )?([\w:]+)/g)].map(([, name]) => name ?? '');
    const own = scripts.filter((name) => !['ci', 'version', 'refuses'].includes(name));
    expect(own.filter((name) => !Object.hasOwn(manifest.scripts, name))).toEqual([]);
  });
});
