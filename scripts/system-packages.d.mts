/** The Debian packages that are installed for the default image and the tests, each with the program or file that shows it. */
export const systemPackages: readonly {
  readonly name: string;
  readonly program?: string;
  readonly file?: string;
  readonly why: string;
}[];
