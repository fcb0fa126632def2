type Variables = Readonly<Record<string, string | undefined>>;

/** Names of variables that hold what only this program, or another one, is to know. */
const secret = /PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|(?:^|_)HEADERS$/i;
/** Its address can hold a password, too. */
const queue = /^OBUILDER_QUEUE$/;

/**
 * The environment of this process for a program that it starts, without what looks like a secret: the program may read what comes
 * from elsewhere, and no tool for disks and archives needs a password.
 */
export function childEnvironment(environment: Variables = process.env): Record<string, string> {
  const entries = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined || secret.test(name) || queue.test(name) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}

/** As `childEnvironment`, for a program that keeps secrets and may need some of the user's: only those of this program are left out. */
export function environmentWithoutOwn(environment: Variables = process.env): Record<string, string> {
  const entries = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined || /^(?:OBUILDER|OTEL)_/.test(name) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}
