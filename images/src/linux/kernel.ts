import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ObError } from "@ob/core";

/** A kernel in its unpacked Debian package. */
export interface Kernel {
  /** The kernel's version: the name of its modules directory. */
  readonly version: string;
  /** Path of the kernel: a bzImage on amd64, an Image on riscv64. */
  readonly image: string;
  /** Path of the modules directory. */
  readonly modules: string;
}

const namePattern = /^vmlinu[xz]-/;

/** @throws ObError `BASE_IMAGE` if `directory` does not contain exactly one kernel. */
export async function findKernel(directory: string): Promise<Kernel> {
  const images = (await readdir(join(directory, "boot"))).filter((name) => namePattern.test(name));
  const [image] = images;
  if (image === undefined || images.length > 1) {
    throw new ObError("BASE_IMAGE", `The kernel's package holds ${images.length} kernels instead of one.`);
  }
  const version = image.replace(namePattern, "");
  return {
    version,
    image: join(directory, "boot", image),
    modules: join(directory, "lib/modules", version),
  };
}
