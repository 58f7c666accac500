import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { Response } from 'express';
import { PolarError } from 'passport-polar-sh';

/** Nest responds with 500 to errors that are not its own. */
@Catch(PolarError)
export class PolarErrors implements ExceptionFilter<PolarError> {
  private readonly logger = new Logger(PolarErrors.name);

  catch(error: PolarError, host: ArgumentsHost) {
    const { status = 500, code, message } = error;
    const forPeople = status < 500 ? message : 'Something went wrong';
    if (status >= 500) this.logger.error(message, error.stack);
    host.switchToHttp().getResponse<Response>().status(status).json({ code, message: forPeople });
  }
}
