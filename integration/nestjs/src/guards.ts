import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { requireLogin } from 'passport-polar-sh';

/** Sends people to Polar. */
@Injectable()
export class StartLogin extends AuthGuard('polar') {}

/** Handles Polar's response. Nest's guards do not start a session by themselves. */
@Injectable()
export class FinishLogin extends AuthGuard('polar') {
  override getAuthenticateOptions() {
    return { failWithError: true }; // the exception filter gets the message
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    await this.logIn(context.switchToHttp().getRequest());
    return true;
  }
}

/** Accepts users whose login with Polar is alive; sends other page requests to log in and then back. */
@Injectable()
export class LoggedIn implements CanActivate {
  private readonly check = requireLogin({ loginPath: '/auth/polar' });

  canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    return new Promise((resolve, reject) => {
      this.check(http.getRequest(), http.getResponse(), (error: unknown) =>
        error ? reject(error) : resolve(true),
      );
    });
  }
}

/** For an API: accepts requests with `Authorization: Bearer polar_at_u_...` of your own client. */
@Injectable()
export class BearerToken extends AuthGuard('polar-bearer') {}
