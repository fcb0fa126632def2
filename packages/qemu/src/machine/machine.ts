import type { GuestArch } from "@ob/core";
import type { QemuReleases } from "../process/version-data.ts";

/** What QEMU executes the guest with. */
export type Accelerator = "kvm" | "hvf" | "tcg";

/** A flag of QEMU and its value. */
export type QemuOption = readonly [flag: string, value: string];

/** Code that ends QEMU with `exitStatus`, which only a guest that runs can do. */
export interface AcceleratorProbe {
  readonly code: Uint8Array;
  /** What the code is: the boot sector of a disk, or the firmware, which is where the first CPU starts. */
  readonly kind: "boot sector" | "firmware";
  /** Options that the code needs. */
  readonly options: readonly QemuOption[];
  readonly exitStatus: number;
}

/** All that differs between machine architectures, as data. */
export interface Machine {
  readonly arch: GuestArch;
  /** The QEMU program. */
  readonly binary: string;
  /** `-machine`'s type. */
  readonly type: string;
  /**
   * Properties of `type` that remove devices of its board: those that no guest needs, and the PS/2 keyboard controller. All are known
   * to QEMU 7.2.
   */
  readonly removals: { readonly unused: readonly string[]; readonly keyboard: readonly string[] };
  /** `-cpu` for each accelerator. */
  readonly cpu: Readonly<Record<Accelerator, string>>;
  /** Hosts of this architecture (`process.arch`) can run the guest without emulation. */
  readonly hostArch: NodeJS.Architecture;
  readonly firmware: {
    /** `-bios`, `-kernel` and the like to boot from the disk; empty if QEMU's default firmware does. */
    readonly disk: readonly QemuOption[];
    /** The same to boot the kernel of an image directly. */
    readonly kernel: readonly QemuOption[];
    /** The files among these, with the Debian package that holds each. */
    readonly files: ReadonlyMap<string, string>;
    /**
     * Set if there is firmware that may start a kernel so that it hangs before it prints anything: matches what such firmware prints on
     * the console, and what a kernel that has started does.
     */
    readonly startRace?: { readonly firmware: RegExp; readonly kernel: RegExp };
  };
  /** `-device` models, of virtio on the machine's bus. */
  readonly devices: {
    readonly disk: string;
    readonly network: string;
    readonly random: string;
    /** The controller of virtio-serial ports. */
    readonly serialPorts: string;
    /** Devices that notify the guest of a new VM generation, or QEMU of a guest panic. */
    readonly notifyDevices: readonly string[];
  };
  /** True if QEMU gives the guest SMBIOS tables. */
  readonly smbios: boolean;
  /** What the devices are connected to: devices on PCI have addresses and option ROMs. */
  readonly bus: "pci" | "ccw";
  /** Buses of the machine's own IDE controllers, for two disks each. */
  readonly ideBuses: readonly string[];
  /** True if a machine of `type` can hot-plug and hot-unplug virtio disks. */
  readonly hotPlug: boolean;
  /**
   * True if QEMU saves the complete state of the machine, so that a resumed guest continues undisturbed; or the releases that do. See
   * `isResumable`.
   */
  readonly resumable: boolean | readonly QemuReleases[];
  /** True if the guest sees QMP's `system_powerdown`. */
  readonly acpiShutdown: boolean;
  /** To verify an accelerator; undefined if nothing here does that. */
  readonly probe: AcceleratorProbe | undefined;
}
