/** One line of what `doctor` reports. */
export interface Check {
  /** A word or two, such as `KVM`. */
  readonly name: string;
  /** `failure`: builds cannot run. `warning`: they can, but slower, or with less protection. */
  readonly state: "ok" | "warning" | "failure";
  /** What was found. */
  readonly text: string;
  /** What to install or change. */
  readonly help?: string | undefined;
}

export function apt(packages: string): string {
  return `On Debian or Ubuntu: sudo apt-get install ${packages}`;
}
