import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { parseImageManifest, run, type StartSmokeTest } from "@ob/core";
import { bootForSmokeTest } from "@ob/sandbox-qemu";
import { expect, it } from "vitest";
import { checkByDisk } from "../../images/debian/check-by-disk.ts";
import { configurePackages } from "../../images/debian/unpacked/configure.ts";
import { imageName, temporaryStore, type TestStore, whyWithout } from "../support/store.ts";

const riscv64 = "debian-13-riscv64";
const without = await whyWithout(riscv64);

/** What a recipe gets to boot a disk that it has made; the disk is a copy of an image. */
async function bootable(store: TestStore, name: string) {
  const images = path.join(store.directory, "base-image");
  const file = path.join(images, `${name}.json`);
  const { directBoot } = parseImageManifest(await readFile(file, "utf8"), file);
  const directory = path.join(store.work, name);
  await mkdir(directory);
  const disk = path.join(directory, "image.qcow2");
  const backing = ["-b", path.join(images, `${name}.qcow2`), "-F", "qcow2"];
  await run(["qemu-img", "create", "-q", "-f", "qcow2", ...backing, disk]);
  const startSmokeTest: StartSmokeTest = async (request) =>
    await bootForSmokeTest(
      {
        ...{ memoryMib: 1_024, cpus: 2, bootTimeSeconds: 120, accelerator: "tcg" },
        stateDirectory: path.join(store.directory, "state/qemu"),
      },
      request,
    );
  const parameters = {
    ...{ ocaml: undefined, diskSize: 0, user: "opam", packages: [], iso: undefined },
    from: new Map(),
  };
  const sshKey = path.join(store.directory, "state/ssh/id_ed25519");
  return {
    result: {
      disk,
      virtualSize: 0,
      ...(directBoot && {
        directBoot: {
          kernel: path.join(images, directBoot.kernel),
          initrd: path.join(images, directBoot.initrd ?? ""),
          commandLine: directBoot.commandLine,
        },
      }),
    },
    options: { directory, parameters, sshKey, startSmokeTest, signal: undefined },
  };
}

it("Debian boots from its own disk with the original OBuilder's hardware, and leaves it clean", async () => {
  await using store = await temporaryStore();
  const { result, options } = await bootable(store, imageName);
  await checkByDisk(result, { ...options, smokeTestDisk: result.disk });
});

it.skipIf(without !== undefined)(
  "packages are configured in a riscv64 guest, whose console is logged",
  async () => {
    await using store = await temporaryStore(riscv64);
    const { result, options } = await bootable(store, riscv64);
    const consoleLog = path.join(store.work, "a,console");
    await configurePackages(result, { ...options, guestArch: "riscv64", consoleLog, limitSeconds: 600 });
    expect(await readFile(consoleLog, "latin1")).toContain("obuilder: ready");
  },
);
