/** @jest-config-loader esbuild-register */
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
  testTimeout: 15_000,
};

export default config;
