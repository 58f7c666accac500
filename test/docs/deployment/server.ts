import { appFromEnvironment } from './from-environment.js';
import { serve } from './serve.js';

const { app, polar, connect } = appFromEnvironment();
connect().then(() => serve(app, polar, Number(process.env.PORT ?? 3000)));
