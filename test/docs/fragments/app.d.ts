/** What the fragments of README and guides take for granted. */
declare const app: import('express').Express;
declare const passport: typeof import('passport');
declare const polar: import('passport-polar-sh').PolarStrategy;
declare const options: import('passport-polar-sh').PolarStrategyOptions;
declare const clientID: string;
declare const clientSecret: string;
