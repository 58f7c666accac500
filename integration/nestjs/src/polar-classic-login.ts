import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { type PolarProfile, PolarStrategy } from 'passport-polar-sh';
import { polarOptions } from './polar-options.js';

@Injectable()
export class PolarClassicLogin extends PassportStrategy(PolarStrategy, 'polar-classic', true) {
  constructor() {
    super({ ...polarOptions, name: 'polar-classic', callbackURL: '/auth/classic/callback' });
  }

  validate(_accessToken: string, _refreshToken: string, profile: PolarProfile) {
    return { id: profile.id, email: profile.emails?.[0]?.value };
  }
}
