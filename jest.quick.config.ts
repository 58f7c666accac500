/** @jest-config-loader esbuild-register */
// `npm test`: all of jest.config.ts but the files that are called `*.slow.test.ts`, and fewer runs of each property.
import { availableParallelism } from 'node:os';
import type { Config } from 'jest';
import all from './jest.config';

process.env['PROPERTY_RUNS'] ??= '300';

const config: Config = {
  ...all,
  testPathIgnorePatterns: ['/node_modules/', '\\.slow\\.test\\.ts$'],
  // More than there are cores: these tests mostly wait.
  maxWorkers: Math.max(8, availableParallelism()),
};

export default config;
