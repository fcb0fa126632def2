import { randomBytes } from "node:crypto";
import { hasCraneRegistry, startCraneRegistry } from "./testing/crane-registry.ts";
import { hasDockerRegistry, startDockerRegistry } from "./testing/docker-registry.ts";
import { FakeRegistry } from "./testing/fake-registry.ts";

interface Host extends AsyncDisposable {
  /** `HOST:PORT`, or `HOST/PATH`: it is empty. */
  readonly host: string;
}

interface RegistryKind {
  readonly start: () => Promise<Host>;
  /** True if it is not here. */
  readonly skip: boolean;
}

/** `OB_TEST_REGISTRY=HOST/PATH` names one more, which takes what anybody pushes. */
const other = process.env["OB_TEST_REGISTRY"];

/** The registries that all must work with, by their names in the tests. */
export const registries: Readonly<Record<string, RegistryKind>> = {
  "the fake registry": { start: async () => await FakeRegistry.start(), skip: false },
  "Debian's docker-registry": {
    start: async () => await startDockerRegistry(),
    skip: !(await hasDockerRegistry()),
  },
  "the registry of go-containerregistry": {
    start: async () => await startCraneRegistry(),
    skip: !(await hasCraneRegistry()),
  },
  "the registry of OB_TEST_REGISTRY": {
    start: async () => ({
      host: `${other}/${randomBytes(6).toString("hex")}`,
      [Symbol.asyncDispose]: async () => undefined,
    }),
    skip: other === undefined,
  },
};

/** The text of an image manifest. */
export function imageManifest(fields: Readonly<Record<string, unknown>>): string {
  const directBoot = {
    kernel: "debian.files/vmlinuz",
    initrd: "debian.files/initrd",
    commandLine: "root=/dev/vda1",
  };
  const common = { version: 2, guestOs: "linux", guestArch: "amd64", loginUser: "me" };
  return JSON.stringify({ ...common, sshKey: "../state/ssh/id_ed25519", directBoot, ...fields });
}
