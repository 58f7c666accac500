/** What the `@example` blocks of the doc comments take for granted. Compiled, and never run. */
import type { Server } from 'node:http';
import type { Express, Handler, Request, Response } from 'express';
import type {
  ClientRegistration,
  PolarOAuthClient,
  PolarRegistrationClient,
  PolarStrategy,
  PolarStrategyOptions,
} from 'passport-polar-sh';
import type { PolarEmulator } from 'passport-polar-sh/emulator';
import type supertest from 'supertest';

export { createHash } from 'node:crypto';
export { subscribe } from 'node:diagnostics_channel';
export { afterAll, beforeEach, expect } from '@jest/globals';
export type { ErrorRequestHandler } from 'express';
export { default as session } from 'express-session';
export { default as passport } from 'passport';
export { Pool } from 'pg';
export { createClient } from 'redis';

interface User {
  readonly id: string;
  readonly isBanned: boolean;
  readonly polarLoginId: string;
  readonly polarLoginIds: readonly string[];
}

// An Express app.
export declare const app: Express;
export declare const server: Server;
export declare const req: Request;
export declare const res: Response;
export declare const err: unknown;
export declare const listOrders: Handler, showOrders: Handler, showOrganization: Handler;
export declare const polar: PolarStrategy;
export declare const options: PolarStrategyOptions;
export declare const user: User;
export declare const users: {
  all(): Promise<readonly User[]>;
  findByPolarId(id: string | undefined): Promise<User | undefined>;
  findOrCreate(from: { polarId: string; polarLoginId?: string }): Promise<User>;
  forgetLogin(loginId: string): Promise<void>;
};
export declare const shops: { find(id: unknown): Promise<{ organizationId: string } | undefined> };
export declare const socket: { send(text: string): void };
export declare function alertDeveloper(code: string, message: string): void;
export declare function checkClock(): void;
export declare function saveOrders(orders: unknown): Promise<void>;

// Polar's OAuth API.
export declare const client: PolarOAuthClient;
export declare const registrations: PolarRegistrationClient;
export declare const registration: ClientRegistration;
export declare const clientID: string, clientSecret: string, redirectURI: string, organizationID: string;
export declare const code: string, codeVerifier: string, codeChallenge: string, nonce: string, state: string;
export declare const accessToken: string, idToken: string, refreshToken: string, sessionToken: string;
export declare const old: { readonly refreshToken: string };

// Redis clients.
export declare const redis: { sendCommand(command: string[]): Promise<unknown> };
export declare const cluster: {
  sendCommand(key: string, isReadOnly: boolean, command: string[]): Promise<unknown>;
};

// A test with the emulator.
export declare const emulator: PolarEmulator;
export declare const browser: ReturnType<typeof supertest.agent>;
