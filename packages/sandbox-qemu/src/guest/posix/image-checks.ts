import type { ImageCheck } from "@ob/core";
import { quoteWords } from "../../ssh/quote/posix.ts";
import { checkFreeSpace } from "./scripts.generated.ts";

/** Checks that the file system of `path` has 1 GiB of free space. */
export function freeDiskCheck(path: string): ImageCheck {
  return {
    what: "has 1 GiB of free disk",
    script: `set -- ${quoteWords([path])}\n${checkFreeSpace}`,
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
