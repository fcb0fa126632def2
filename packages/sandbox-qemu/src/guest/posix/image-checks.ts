import type { ImageCheck } from "@ob/core";

const minFreeKib = 1024 * 1024;

/** Checks that the file system of `path` has 1 GiB of free space. */
export function freeDiskCheck(path: string): ImageCheck {
  return {
    what: "has 1 GiB of free disk",
    script: `set -- $(df -P -k ${path} | tail -n 1)
while [ $# -gt 6 ]; do shift; done
echo "$(($4 / 1024)) MiB of $(($2 / 1024)) MiB"
[ "$4" -ge ${minFreeKib} ]`,
    required: false,
  };
}

export const acceptEnvCheck: ImageCheck = {
  what: "sshd takes environment variables (AcceptEnv)",
  script: '[ "$OBUILDER_CHECK" = yes ]',
  environment: { OBUILDER_CHECK: "yes" },
  required: false,
};

/** Checks that a program is on the PATH. */
export function programCheck(program: string, { required }: Pick<ImageCheck, "required">): ImageCheck {
  return { what: `has ${program}`, script: `command -v ${program}`, required };
}
