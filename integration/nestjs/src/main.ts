import { NestFactory } from '@nestjs/core';
import session from 'express-session';
import passport from 'passport';
import { polarTokens } from 'passport-polar-sh';
import { AppModule } from './app.module.js';
import { PolarErrors } from './polar-errors.js';
import { PolarLogin } from './polar-login.js';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  app.use(session({ secret: process.env.SESSION_SECRET ?? '', resave: false, saveUninitialized: false }));
  app.use(passport.session(), polarTokens(app.get(PolarLogin))); // in this order, for req.user and req.polar
  app.useGlobalFilters(new PolarErrors());
  await app.listen(process.env.PORT ?? 3000);
}

void bootstrap();
