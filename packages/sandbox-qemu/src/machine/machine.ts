import type { GuestArch } from "@ob/core";

/** What QEMU executes the guest with. */
export type Accelerator = "kvm" | "hvf" | "tcg";

/** A flag of QEMU and its value. */
export type QemuOption = readonly [flag: string, value: string];

/** All that differs between machine architectures, as data. */
export interface Machine {
  readonly arch: GuestArch;
  /** The QEMU program. */
  readonly binary: string;
  /** `-machine`'s type. */
  readonly type: string;
  /** `-cpu` for each accelerator. */
  readonly cpu: Readonly<Record<Accelerator, string>>;
  /** Hosts of this architecture (`process.arch`) can run the guest without emulation. */
  readonly hostArch: NodeJS.Architecture;
  readonly firmware: {
    /** `-bios`, `-kernel` and the like, for a boot from the disk; none where QEMU's own firmware does it. */
    readonly disk: readonly QemuOption[];
    /** Likewise where an image's kernel is started. */
    readonly kernel: readonly QemuOption[];
    /** The files among these, with the Debian package that holds each. */
    readonly files: ReadonlyMap<string, string>;
  };
  /** `-device` models. */
  readonly devices: {
    readonly disk: string;
    readonly network: string;
    readonly random: string;
    /** Devices that tell us or the guest something: a fresh generation id, a panic. */
    readonly notifyDevices: readonly string[];
  };
  /** True if QEMU gives the guest SMBIOS tables. */
  readonly smbios: boolean;
  /** Buses of the machine's own IDE controllers, for two disks each. */
  readonly ideBuses: readonly string[];
  /** True if a machine of `type` takes virtio disks, and gives them back, while its guest runs. */
  readonly hotPlug: boolean;
  /** True if QEMU saves the whole machine: what is resumed goes on as if nothing had been. */
  readonly resumable: boolean;
  /** True if the guest sees QMP's `system_powerdown`. */
  readonly acpiShutdown: boolean;
  /** A disk whose boot code ends QEMU with `exitStatus`, and the device that it needs; for the accelerator's proof. */
  readonly probe:
    | { readonly disk: Uint8Array; readonly device: string; readonly exitStatus: number }
    | undefined;
}
