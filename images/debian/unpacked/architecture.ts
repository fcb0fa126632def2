import type { GuestArch, SnapshotPoint } from "@ob/core";
import type { GuestFile, Recipe } from "@ob/images/toolkit";

/** What differs between the architectures of Debians that are made without running any of their programs. */
export interface UnpackedArch {
  readonly guestArch: GuestArch;
  /** The kernel metapackage. */
  readonly kernelPackage: string;
  /** Kernel modules by use, as `initrd` has them. */
  readonly modules: Readonly<Record<string, readonly string[]>>;
  /** The kernel's command line. */
  readonly commandLine: string;
  /** True if the machine has a power button, for which the guest then waits. */
  readonly powerButton: boolean;
  /** The script that is the initrd's first process. */
  readonly initrd: () => Promise<string>;
  /** Files for its boot loader; by default none. */
  readonly bootFiles?: (() => Promise<readonly GuestFile[]>) | undefined;
  /** The program that strips kernel modules; by default they stay as they are. */
  readonly strip?: string | undefined;
  /** True for a PC, whose disk gets GRUB and whose kernel is decompressed when the image is made. */
  readonly pc?: boolean | undefined;
  readonly snapshotPoints?: readonly SnapshotPoint[] | undefined;
  readonly check: NonNullable<Recipe["check"]>;
  /** Stands for the recipe's code: increment it when the code changes the image. */
  readonly revision: number;
}
