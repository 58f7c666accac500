import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { PolarStrategy, type VerifiedLogin } from 'passport-polar-sh';
import { polarOptions } from './polar-options.js';

@Injectable()
export class PolarLogin extends PassportStrategy(PolarStrategy, 'polar') {
  constructor() {
    super({
      ...polarOptions,
      callbackURL: '/auth/polar/callback',
      scope: ['openid', 'email', 'organizations:read'],
    });
  }

  validate({ profile }: VerifiedLogin) {
    return { id: profile.id, email: profile.emails?.[0]?.value };
  }
}
