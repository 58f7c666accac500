import { type RequestHandler, Router } from 'express';
import { type PolarStrategy, requireLogin } from 'passport-polar-sh';
import type { Pool } from 'pg';
import { deleteAccount, endLogins } from './accounts.js';
import type { User } from './polar.js';

interface Device {
  readonly login_id: string;
  readonly device: string;
  readonly started_at: Date;
}

/** @param guard rejects forms of other sites, such as `sameOriginOnly` of sessions.md */
export function accountRoutes(db: Pool, polar: PolarStrategy, guard: RequestHandler): Router {
  const routes = Router();
  routes.use('/account', requireLogin({ loginPath: '/auth/polar' }));

  routes.get('/account/devices', async (req, res) => {
    const { id, loginId } = req.user as User;
    const { rows } = await db.query<Device>(
      'SELECT login_id, device, started_at FROM logins WHERE user_id = $1 ORDER BY started_at',
      [id],
    );
    res.set('Cache-Control', 'no-store').json(
      rows.map(({ login_id, device, started_at }) => ({
        loginId: login_id,
        device,
        startedAt: started_at,
        isThisOne: login_id === loginId,
      })),
    );
  });

  routes.post('/account/devices/:loginId/end', guard, async (req, res) => {
    const { loginId } = req.params;
    const own = await db.query('SELECT 1 FROM logins WHERE login_id = $1 AND user_id = $2', [
      loginId,
      (req.user as User).id,
    ]);
    if (own.rowCount === 0) return void res.sendStatus(404); // somebody else's, or it has ended
    await polar.endLogin(String(loginId));
    res.redirect(303, '/account/devices');
  });

  routes.post('/account/devices/end-others', guard, async (req, res) => {
    const { id, loginId } = req.user as User;
    await endLogins(db, polar, id, loginId);
    res.redirect(303, '/account/devices');
  });

  routes.post('/account/delete', guard, async (req, res, next) => {
    await deleteAccount(db, polar, (req.user as User).id);
    req.session.destroy((error) => (error ? next(error) : res.redirect(303, '/')));
  });
  return routes;
}
