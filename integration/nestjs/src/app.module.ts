import { Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { AuthController } from './auth.controller.js';
import { PolarBearer } from './polar-bearer.js';
import { PolarLogin } from './polar-login.js';
import { SessionUser } from './session-user.js';

@Module({
  imports: [PassportModule],
  controllers: [AuthController],
  providers: [PolarLogin, PolarBearer, SessionUser],
})
export class AppModule {}
