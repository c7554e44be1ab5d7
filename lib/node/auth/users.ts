/** What a user may be called: `@user` must be a channel. */
import { HalodError } from '../../wire/errors.js';
import { LIMITS } from '../../wire/limits.js';

/** '' stays '': an anonymous reader. @throws HalodError `bad-request` */
export function checkUser(user: string): string {
  if (user.length > LIMITS.userBytesMax || Buffer.byteLength(user) > LIMITS.userBytesMax) {
    throw new HalodError('bad-request', `a user has at most ${LIMITS.userBytesMax} bytes`);
  }
  if (/\p{Cc}|\p{Surrogate}/u.test(user)) {
    throw new HalodError('bad-request', 'a user has no control characters and is well-formed Unicode');
  }
  return user;
}
