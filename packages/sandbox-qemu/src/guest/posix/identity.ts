/** What `identityCommand` prints before the path of the login shell. */
const announcement = "obuilder: the login shell is ";

/**
 * A value for `GuestProfile.identity` that also prints the login shell, so that command lines can be sent in its form. It is
 * the first line that is sent, so every shell must read it in the same way.
 *
 * @param script for /bin/sh; prints the identity. Without any of `'`, `!`, `\\` and newlines.
 */
export function identityCommand(script: string): string {
  if (/['!\\\n]/.test(script)) throw new TypeError(`not every shell reads this: ${script}`);
  return `exec /bin/sh -c 'echo "${announcement}$SHELL"; ${script}'`;
}

/** The path of the login shell in the output of `identityCommand`; undefined if it is not there. */
export function loginShellIn(printed: string): string | undefined {
  return new RegExp(`${announcement}(.*)`).exec(printed)?.[1];
}
