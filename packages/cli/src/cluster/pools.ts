import type { PoolStatus } from "@ob/cluster";
import { type GuestArch, type ImageManifest, ObError } from "@ob/core";
import type { SandboxFlags } from "../args/sandbox-flags.ts";

/**
 * The pool of a worker that was given none: `OS-ARCH-ACCELERATOR-MEMORY`, as `linux-amd64-kvm-2g`.
 *
 * @param findAccelerator the accelerator that this host uses for an architecture.
 */
export async function ownPool(
  {
    guestOs = "linux",
    guestArch = "amd64",
    accelerator,
    memoryMib,
  }: Pick<SandboxFlags, "guestOs" | "guestArch" | "accelerator" | "memoryMib">,
  findAccelerator: (arch: GuestArch) => Promise<string | undefined>,
): Promise<string> {
  const name = accelerator === "auto" ? ((await findAccelerator(guestArch)) ?? "tcg") : accelerator;
  return `${guestOs}-${guestArch}-${name}-${Math.max(1, Math.ceil(memoryMib / 1024))}g`;
}

/**
 * The pool that builds on an image: of those that have workers for its system and architecture one with KVM, and of these the one
 * where least waits.
 *
 * @throws ObError `USAGE` if there is none.
 */
export function poolFor(
  image: string,
  {
    manifest,
    pools,
  }: { readonly manifest: ImageManifest | undefined; readonly pools: readonly PoolStatus[] },
): string {
  const { guestOs = "linux", guestArch = "amd64" } = manifest ?? {};
  const prefix = `${guestOs}-${guestArch}-`;
  const load = ({ waiting, running }: PoolStatus) => waiting + running;
  const isSlow = ({ name }: PoolStatus) => Number(!name.startsWith(`${prefix}kvm-`));
  const [best] = pools
    .filter(({ name }) => name.startsWith(prefix))
    .toSorted((a, b) => isSlow(a) - isSlow(b) || load(a) - load(b));
  if (best) return best.name;
  const names = pools.map(({ name }) => name).join(", ");
  throw new ObError("USAGE", `No pool with workers is named for ${image}: ${prefix}….`, {
    hint: names === "" ? "No worker is running." : `There are ${names}.`,
    data: { noPool: "true" },
  });
}
