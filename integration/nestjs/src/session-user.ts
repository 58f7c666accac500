import { Injectable } from '@nestjs/common';
import { PassportSerializer } from '@nestjs/passport';

/** What the session keeps of a user; store an id here, and look the user up, once you have a database. */
@Injectable()
export class SessionUser extends PassportSerializer {
  serializeUser(user: Express.User, done: (error: unknown, stored?: Express.User) => void) {
    done(null, user);
  }

  deserializeUser(stored: Express.User, done: (error: unknown, user?: Express.User) => void) {
    done(null, stored);
  }
}
