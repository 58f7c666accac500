/** @jest-config-loader esbuild-register */
import { availableParallelism } from 'node:os';
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.[jt]s$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  // jose ships ESM only; plain Jest loads CommonJS.
  transformIgnorePatterns: ['/node_modules/(?!jose/)'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^passport-polar-sh$': '<rootDir>/src/index.ts',
    '^passport-polar-sh/(.*)$': '<rootDir>/src/$1.ts',
  },
  setupFilesAfterEnv: ['<rootDir>/test/support/jest-setup.ts'],
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*-cli.ts'],
  coverageThreshold: { global: { statements: 95 } },
  testTimeout: 60_000,
  // Never one process for all: what one file leaves behind (memory, timers) would slow down the next ones.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  workerIdleMemoryLimit: '1GB',
};

export default config;
