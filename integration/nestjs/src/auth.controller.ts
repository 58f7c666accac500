import { Controller, Get, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { BearerToken, FinishLogin, LoggedIn, StartLogin } from './guards.js';

@Controller()
export class AuthController {
  @Get('auth/polar')
  @UseGuards(StartLogin)
  startLogin() {} // never reached: the guard redirects

  @Get('auth/polar/callback')
  @UseGuards(FinishLogin)
  finishLogin(@Req() req: Request, @Res() res: Response) {
    const kept = req.session as { returnTo?: string }; // the page on which the login began
    const { returnTo = '/me' } = kept;
    delete kept.returnTo;
    res.redirect(returnTo);
  }

  @Get('me')
  @UseGuards(LoggedIn)
  async me(@Req() req: Request) {
    const response = await req.polar.fetch('/v1/organizations/'); // a fresh token, one retry after a 401
    const { items } = (await response.json()) as { items: unknown[] };
    return { ...req.user, organizations: items };
  }

  @Get('api/me')
  @UseGuards(BearerToken)
  apiMe(@Req() req: Request) {
    return req.user;
  }
}
