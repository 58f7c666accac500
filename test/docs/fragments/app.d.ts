/** What the fragments of README and guides take for granted: the parts of an app. */
type Handler = import('express').RequestHandler;
type Strategy = import('passport-polar-sh').PolarStrategy;
type Options = import('passport-polar-sh').PolarStrategyOptions;
type PolarProfile = import('passport-polar-sh').PolarProfile;

interface User extends Express.User {
  readonly id: string;
  readonly polarLoginId: string;
}

declare const app: import('express').Express;
declare const createApp: (options: Partial<Options>) => import('express').Express;
declare const passport: typeof import('passport');
declare const server: import('node:http').Server;

declare const polar: Strategy;
declare const options: Options;
declare const verify: import('passport-polar-sh').PolarVerify;
declare const clientID: string;
declare const clientSecret: string;
declare const accessToken: string;

declare const redis: import('ioredis').Redis;
declare const pool: import('pg').Pool;

declare const user: User;
declare const users: {
  findOrCreate(identity: { polarId: string; email: string | undefined }): Promise<User>;
  addLogin(userId: string, loginId: string): Promise<void>;
};

declare const showReports: Handler;
declare const showOrders: Handler;
declare const showOrganization: Handler;
