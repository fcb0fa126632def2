/** A file of the guest: a path without its leading slash. */
export interface GuestFile {
  readonly path: string;
  readonly contents: string;
  readonly mode: number;
}
