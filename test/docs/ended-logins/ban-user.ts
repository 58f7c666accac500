import { Pool } from 'pg';
import { ban } from './accounts.js';
import { createPolar } from './polar.js';

/** For `node --import tsx ban-user.ts <id of the user>`. */
async function main(userId: number): Promise<void> {
  const db = new Pool({ connectionString: process.env.DATABASE_URL });
  const polar = createPolar(db, {
    clientID: process.env.POLAR_CLIENT_ID ?? '',
    clientSecret: process.env.POLAR_CLIENT_SECRET,
    server: process.env.POLAR_SERVER,
    callbackURL: '/auth/polar/callback',
  });
  try {
    await ban(db, polar, userId);
    // What the storage has not taken yet, revocations at Polar, and onLoginEnded.
    await polar.settled({ withinMs: 10_000 });
  } finally {
    await db.end();
  }
}

main(Number(process.argv[2])).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
