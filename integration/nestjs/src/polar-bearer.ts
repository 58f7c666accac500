import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { PolarBearerStrategy, type VerifiedToken } from 'passport-polar-sh';
import { polarOptions } from './polar-options.js';

@Injectable()
export class PolarBearer extends PassportStrategy(PolarBearerStrategy, 'polar-bearer') {
  constructor() {
    super({ ...polarOptions, scope: 'organizations:read' });
  }

  validate({ introspection }: VerifiedToken) {
    return introspection.subject === undefined ? false : { id: introspection.subject };
  }
}
