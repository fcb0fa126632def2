import type { GuestFile } from "@ob/images/toolkit";
import { guestFiles } from "../guest-files.ts";
import type { Release } from "../releases.ts";
import type { UnpackedArch } from "./architecture.ts";

/** The PAM configuration that pam-auth-update would generate. sudo and su need it; sshd does not. */
const pam: readonly GuestFile[] = [
  ["auth", "sufficient pam_rootok.so\nauth required pam_unix.so nullok"],
  ["account", "required pam_unix.so"],
  ["password", "required pam_unix.so obscure yescrypt"],
  ["session", "required pam_permit.so"],
  ["session-noninteractive", "required pam_permit.so"],
].map(([part = "", rule = ""]) => ({
  path: `etc/pam.d/common-${part}`,
  contents: `${part.replace(/-.*/, "")} ${rule}\n`,
  mode: 0o644,
}));

/** Files that are added to the guest's Debian. */
export async function unpackedFiles(
  { powerButton, bootFiles }: UnpackedArch,
  { release, user }: { readonly release: Release; readonly user: string },
): Promise<readonly GuestFile[]> {
  return [
    ...(await guestFiles({ release, user, powerButton })),
    ...((await bootFiles?.()) ?? []),
    { path: "etc/apt/apt.conf.d/90obuilder", contents: 'Acquire::Languages "none";\n', mode: 0o644 },
    ...pam,
  ];
}
