/** Calls the function as Vercel does: with the request and response of Node's http. */
import { createServer } from 'node:http';
import handler from './api/index.js';

createServer((req, res) => void handler(req, res)).listen(Number(process.env['PORT']), '127.0.0.1', () =>
  console.log('listening'),
);
