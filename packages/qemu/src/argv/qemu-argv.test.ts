import { describe, expect, it } from "vitest";
import { qemuArgv, type VmConfig } from "./qemu-argv.ts";
import { amd64 } from "../machine/amd64.ts";
import { riscv64 } from "../machine/riscv64.ts";
import { s390x } from "../machine/s390x.ts";
import { testDisks } from "../testing/disks.ts";

const config: VmConfig = {
  machine: amd64,
  accelerator: "tcg",
  memoryMib: 2048,
  cpus: 2,
  rootDisk: "/store/image.qcow2",
  disks: [],
  network: "none",
  guestPort: 22,
  directBoot: undefined,
  hardware: {},
};

const options = { consoleLog: "/c", machineId: "obuilder-01234567_-x" };

/** One option a line, as one would write it by hand. */
function lines(argv: readonly string[]): string {
  return argv.join(" ").replaceAll(/ (?=-[a-z])/g, "\n");
}

function optionsOf(argv: readonly string[], flag: string): readonly string[] {
  return argv.flatMap((word, index) => (argv[index - 1] === flag ? [word] : []));
}

function netdev(network: VmConfig["network"]): readonly string[] {
  return optionsOf(qemuArgv({ ...config, network }, options), "-netdev");
}

describe("QEMU's command line", () => {
  it.each([
    [amd64, "virtio-serial-pci"],
    [s390x, "virtio-serial-ccw"],
  ] as const)("has ports for a root shell after all disks, on %#", (machine, controller) => {
    const disks = testDisks(1);
    const devices = (rootShellPort: boolean): readonly string[] =>
      optionsOf(qemuArgv({ ...config, machine, disks, rootShellPort }, options), "-device");
    expect(devices(true)).toEqual([
      ...devices(false),
      controller,
      "virtserialport,chardev=root-shell,id=root-shell,name=obuilder.root",
      "virtserialport,chardev=root-shell-errors,id=root-shell-errors,name=obuilder.root.errors",
    ]);
    const chardevs = optionsOf(qemuArgv({ ...config, machine, rootShellPort: true }, options), "-chardev");
    expect(chardevs.slice(-2)).toEqual(["socket,id=root-shell,fd=8", "socket,id=root-shell-errors,fd=9"]);
  });

  it("boots from the root disk, without network, under emulation", () => {
    expect(lines(qemuArgv(config, { ...options, consoleLog: "/state/run/vm-1/console.log" })))
      .toMatchInlineSnapshot(`
      "qemu-system-x86_64
      -nodefaults
      -no-user-config
      -no-reboot
      -display none
      -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
      -machine pc
      -accel tcg
      -cpu qemu64,-svm,+rdrand,+rdseed
      -smp 2
      -m 2048M
      -smbios type=1,serial=obuilder-01234567_-x,sku=obuilder-01234567_-x
      -chardev socket,id=qmp,fd=3
      -mon chardev=qmp,mode=control
      -chardev socket,id=console,fd=4,logfile=/state/run/vm-1/console.log,logappend=on
      -serial chardev:console
      -netdev socket,id=net0,fd=7
      -device virtio-net-pci,netdev=net0,romfile=
      -device virtio-rng-pci
      -device vmgenid,guid=auto
      -device pvpanic
      -blockdev {"driver":"qcow2","node-name":"disk0","discard":"unmap","cache":{"no-flush":true},"file":{"driver":"file","filename":"/store/image.qcow2","discard":"unmap","cache":{"no-flush":true}}}
      -device virtio-blk-pci,drive=disk0,id=disk0,serial=obuilder-01234567_-x,werror=stop,rerror=stop,bootindex=0"
    `);
  });

  it("has an empty CD-ROM drive if requested and the machine has IDE", () => {
    const drives = (machine: VmConfig["machine"]): readonly string[] =>
      optionsOf(qemuArgv({ ...config, machine, cdrom: true }, options), "-device").filter((each) =>
        each.startsWith("ide-cd"),
      );
    expect(drives(amd64)).toEqual(["ide-cd,id=obuilder-disc"]);
    expect(drives(riscv64)).toEqual([]);
    const ofType = (type: string): readonly string[] => drives({ ...amd64, type });
    expect([ofType("pc-q35-7.2"), ofType("microvm,rtc=on")].map((each) => each.length)).toEqual([1, 0]);
  });

  it("is the same machine for a snapshot and when resumed, except for its memory", () => {
    const saved = qemuArgv({ ...config, memory: "shared" }, options);
    const resumed = qemuArgv({ ...config, memory: "resumed" }, options);
    expect(optionsOf(saved, "-machine")).toEqual(["pc,memory-backend=memory"]);
    expect(optionsOf(saved, "-object")).toEqual(["memory-backend-memfd,id=memory,size=2048M,share=on"]);
    const object = "memory-backend-file,id=memory,size=2048M,share=off,mem-path=/proc/self/fd/6";
    expect(optionsOf(resumed, "-object")).toEqual([object]);
    const rest = resumed.flatMap((word) => (word === object ? optionsOf(saved, "-object") : [word]));
    expect(rest.join(" ").replace(" -incoming defer", "")).toBe(saved.join(" "));
    const restored = qemuArgv({ ...config, memory: "restored" }, options);
    expect(restored.join(" ").replace(" -incoming defer", "")).toBe(saved.join(" "));
    expect(restored).toContain("-incoming");
  });

  it("has the host's CPU under KVM", () => {
    const argv = qemuArgv({ ...config, accelerator: "kvm" }, options);
    expect(optionsOf(argv, "-accel")).toEqual(["kvm"]);
    expect(optionsOf(argv, "-cpu")).toEqual(["host"]);
  });

  it("boots a kernel of the image, and then gives no disk a boot index", () => {
    const directBoot = { kernel: "/i/kernel", initrd: "/i/initrd", commandLine: "console=ttyS0 quiet" };
    const argv = qemuArgv({ ...config, directBoot }, options);
    expect(optionsOf(argv, "-kernel")).toEqual(["/i/kernel"]);
    expect(optionsOf(argv, "-initrd")).toEqual(["/i/initrd"]);
    expect(optionsOf(argv, "-append")).toEqual(["console=ttyS0 quiet"]);
    expect(argv.join(" ")).not.toContain("bootindex");
    expect(qemuArgv({ ...config, directBoot: { ...directBoot, initrd: undefined } }, options)).not.toContain(
      "-initrd",
    );
  });

  it("opens the host's network only if told to, and forwards a port of the guest to 127.0.0.1 only", () => {
    expect(netdev("none")).toEqual(["socket,id=net0,fd=7"]);
    expect(netdev("slirp")).toEqual(["user,id=net0,restrict=off,hostfwd=tcp:127.0.0.1:0-:22"]);
    expect(netdev("passt")).toEqual(["stream,id=net0,server=off,addr.type=fd,addr.str=7"]);
    const without = qemuArgv({ ...config, network: "slirp", guestPort: undefined }, options);
    expect(optionsOf(without, "-netdev")).toEqual(["user,id=net0,restrict=off"]);
  });

  it.each(["none", "passt"] as const)(
    "takes slirp's state of a snapshot with the network %s too, from and for VMs with any network",
    (network) => {
      const argv = qemuArgv({ ...config, network, memory: "resumed" }, options);
      const [unconnected, connected] = optionsOf(argv, "-netdev");
      expect(unconnected).toBe("user,id=unconnected,restrict=on");
      expect(connected).toContain("id=net0,");
    },
  );

  it("adds disks after the root disk, in order", () => {
    const argv = qemuArgv({ ...config, rootDisk: "/root", disks: testDisks(2) }, options);
    const names = optionsOf(argv, "-blockdev").map((json) => JSON.parse(json)["file"]["filename"]);
    expect(names).toEqual(["/root", "/disk1", "/disk2"]);
    const devices = optionsOf(argv, "-device").filter((device) => device.includes("drive="));
    expect(devices.map((device) => device.includes("bootindex=0"))).toEqual([true, false, false]);
  });

  it("connects disks to SATA controllers with six ports each", () => {
    const hardware = { diskBus: "sata" } as const;
    const argv = qemuArgv({ ...config, hardware, disks: testDisks(6) }, options);
    const devices = optionsOf(argv, "-device").filter(
      (device) => device.includes("ahci") || device.includes("drive="),
    );
    expect(devices.join("\n")).toMatchInlineSnapshot(`
      "ich9-ahci,id=sata0
      ich9-ahci,id=sata1
      ide-hd,bus=sata0.0,drive=disk0,id=disk0,serial=obuilder-01234567_-x,werror=stop,rerror=stop,bootindex=0
      ide-hd,bus=sata0.1,drive=disk1,id=disk1,serial=serial-001,werror=stop,rerror=stop
      ide-hd,bus=sata0.2,drive=disk2,id=disk2,serial=serial-002,werror=stop,rerror=stop
      ide-hd,bus=sata0.3,drive=disk3,id=disk3,serial=serial-003,werror=stop,rerror=stop
      ide-hd,bus=sata0.4,drive=disk4,id=disk4,serial=serial-004,werror=stop,rerror=stop
      ide-hd,bus=sata0.5,drive=disk5,id=disk5,serial=serial-005,werror=stop,rerror=stop
      ide-hd,bus=sata1.0,drive=disk6,id=disk6,serial=serial-006,werror=stop,rerror=stop"
    `);
  });

  it("connects up to four disks to the pc's own IDE buses", () => {
    const onIde = (disks: number) =>
      optionsOf(
        qemuArgv({ ...config, hardware: { diskBus: "ide" }, disks: testDisks(disks) }, options),
        "-device",
      )
        .filter((device) => device.includes("drive="))
        .map((device) => device.replace(/,drive.*/, ""));
    expect(onIde(3)).toEqual([
      "ide-hd,bus=ide.0,unit=0",
      "ide-hd,bus=ide.0,unit=1",
      "ide-hd,bus=ide.1,unit=0",
      "ide-hd,bus=ide.1,unit=1",
    ]);
    expect(() => onIde(4)).toThrow("A machine can have 4 ide disks at most, and this one is to have 5.");
  });

  it("has up to 193 virtio disks", () => {
    const on = (disks: number) => qemuArgv({ ...config, disks: testDisks(disks) }, options);
    expect(() => on(192)).not.toThrow();
    expect(() => on(193)).toThrow(
      "A machine can have 193 virtio disks at most, and this one is to have 194.",
    );
  });

  it("accepts another machine, CPU and network card, and appends the caller's arguments", () => {
    const hardware = {
      ...{ machine: "q35,smm=off", cpu: "max", networkDevice: "e1000e" },
      arguments: ["-device", "usb-ehci"],
    };
    const argv = qemuArgv({ ...config, hardware }, options);
    expect(optionsOf(argv, "-machine")).toEqual(["q35,smm=off"]);
    expect(optionsOf(argv, "-cpu")).toEqual(["max"]);
    expect(optionsOf(argv, "-device")).toContain("e1000e,netdev=net0,romfile=");
    expect(argv.slice(-2)).toEqual(["-device", "usb-ehci"]);
  });

  it("escapes any path", () => {
    const argv = qemuArgv(
      { ...config, rootDisk: '/a,b "c"=d/é.qcow2' },
      { ...options, consoleLog: "/run,dir/console.log" },
    );
    expect(JSON.parse(optionsOf(argv, "-blockdev")[0] ?? "")["file"]["filename"]).toBe('/a,b "c"=d/é.qcow2');
    expect(optionsOf(argv, "-chardev")[1]).toBe(
      "socket,id=console,fd=4,logfile=/run,,dir/console.log,logappend=on",
    );
  });
});

describe("the command line of a riscv64 guest", () => {
  const riscv: VmConfig = { ...config, machine: riscv64 };

  it("boots a disk with OpenSBI and U-Boot, as the original does", () => {
    expect(lines(qemuArgv(riscv, options))).toMatchInlineSnapshot(`
      "qemu-system-riscv64
      -nodefaults
      -no-user-config
      -no-reboot
      -display none
      -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
      -machine virt
      -accel tcg
      -cpu rv64
      -smp 2
      -m 2048M
      -chardev socket,id=qmp,fd=3
      -mon chardev=qmp,mode=control
      -chardev socket,id=console,fd=4,logfile=/c,logappend=on
      -serial chardev:console
      -netdev socket,id=net0,fd=7
      -device virtio-net-pci,netdev=net0,romfile=
      -device virtio-rng-pci
      -blockdev {"driver":"qcow2","node-name":"disk0","discard":"unmap","cache":{"no-flush":true},"file":{"driver":"file","filename":"/store/image.qcow2","discard":"unmap","cache":{"no-flush":true}}}
      -device virtio-blk-pci,drive=disk0,id=disk0,serial=obuilder-01234567_-x,werror=stop,rerror=stop,bootindex=0
      -bios /usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin
      -kernel /usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"
    `);
  });

  it("boots a kernel of the image with the OpenSBI that finds any device tree", () => {
    const directBoot = { kernel: "/i/kernel", initrd: "/i/initrd", commandLine: "console=ttyS0" };
    const argv = qemuArgv({ ...riscv, directBoot }, options);
    expect(optionsOf(argv, "-bios")).toEqual(["/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin"]);
    expect(optionsOf(argv, "-kernel")).toEqual(["/i/kernel"]);
    expect(optionsOf(argv, "-initrd")).toEqual(["/i/initrd"]);
  });

  it("has no IDE", () => {
    expect(() => qemuArgv({ ...riscv, hardware: { diskBus: "ide" } }, options)).toThrow(
      "The riscv64 machine has no IDE bus.",
    );
  });
});
