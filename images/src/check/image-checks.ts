import type { GuestOs } from "@ob/core";

/** Something that should be so in a guest. */
export interface ImageCheck {
  /** What is so, for people. */
  readonly what: string;
  /** Ends with 0 if it is; the last lines that it prints are shown. */
  readonly script: string;
  /** What the SSH client sends. */
  readonly environment?: Readonly<Record<string, string>>;
  /** False if builds work without it. */
  readonly needed: boolean;
}

const leastFreeKib = 1024 * 1024;

/** The free space of the file system that holds `path`, and whether it is enough. */
function freeDisk(path: string): string {
  return `set -- $(df -P -k ${path} | tail -n 1)
while [ $# -gt 6 ]; do shift; done
echo "$(($4 / 1024)) MiB of $(($2 / 1024)) MiB"
[ "$4" -ge ${leastFreeKib} ]`;
}

const acceptEnv: ImageCheck = {
  what: "sshd takes environment variables (AcceptEnv)",
  script: '[ "$OBUILDER_CHECK" = yes ]',
  environment: { OBUILDER_CHECK: "yes" },
  needed: false,
};

/** What every image of an operating system should have, beside a login and its superuser. */
export function imageChecks(os: GuestOs): readonly ImageCheck[] {
  switch (os) {
    case "linux":
      return [
        {
          what: "tar is GNU tar",
          script: "tar --version | head -n 1; tar --version | grep -q GNU",
          needed: true,
        },
        { what: "has bash", script: "command -v bash", needed: true },
        acceptEnv,
        { what: "has 1 GiB of free disk", script: freeDisk("/"), needed: false },
      ];
    case "openbsd":
      return [
        { what: "has gtar", script: "command -v gtar", needed: true },
        { what: "has bash", script: "command -v bash", needed: false },
        acceptEnv,
        { what: "has 1 GiB of free disk", script: freeDisk("/"), needed: false },
      ];
    case "windows":
      return [
        {
          what: "has Windows' own tar",
          script: '"$(cygpath -S)/tar.exe" --version',
          needed: true,
        },
        { what: "has bash", script: "command -v bash", needed: true },
        acceptEnv,
        { what: "has 1 GiB of free disk", script: freeDisk("/cygdrive/c"), needed: false },
      ];
  }
}
