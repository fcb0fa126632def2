/** A file of the guest. The path has no leading slash. */
export interface GuestFile {
  readonly path: string;
  readonly contents: string;
  readonly mode: number;
}
