import { readFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { type GuestAccess, type GuestImage, layerId, parseImageManifest, sha256 } from "@ob/core";
import { linuxVmReuse } from "../../packages/sandbox-qemu/src/guest/linux/vm-reuse.ts";
import { openHarness } from "../sandbox/harness.ts";
import { defaultStore, whyWithout } from "../support/store.ts";

/** The images whose init is systemd; `OB_E2E_SYSTEMD` names one of them, or several. */
export const systemdImages = (process.env["OB_E2E_SYSTEMD"] ?? "debian-12-amd64-systemd").split(" ");

/** Why an image is not tested here; undefined if it is. */
export async function withoutSystemd(image: string): Promise<string | undefined> {
  const isMissing = (await whyWithout(image)) !== undefined;
  return isMissing ? `there is no ${image} in ${defaultStore}; \`npm run verify\` builds it` : undefined;
}

const rootShell = ["sudo", "-n", "--", "/bin/sh", "-s"];
const vmReuse = linuxVmReuse("opam", (script, args = []) => ({
  command: "",
  script: `set -- ${args.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ")}\n${script}`,
}));

/** A guest that is brought back to its baseline after each command, as between the steps of a build. */
export interface ResettableGuest extends AsyncDisposable {
  /** Runs a script as the login user, or as root. @returns its output. */
  run(script: string, as?: "root"): Promise<string>;
  /** Runs a script as a step, and resets the guest. @returns why it could not be reused; undefined if it could. */
  step(script: string): Promise<string | undefined>;
}

/** The disk of an image in the default store, and its manifest. */
export async function imageNamed(
  name: string,
): Promise<{ readonly base: string; readonly image: GuestImage }> {
  const images = path.join(defaultStore, "base-image");
  const file = path.join(images, `${name}.json`);
  const manifest = parseImageManifest(await readFile(file, "utf8"), file);
  return { base: path.join(images, `${name}.qcow2`), image: { manifest, manifestDirectory: images } };
}

export async function openResettableGuest(name: string): Promise<ResettableGuest> {
  await using stack = new AsyncDisposableStack();
  const harness = stack.use(await openHarness({ bootTimeSeconds: 1_800 }));
  const { base, image } = await imageNamed(name);
  const disk = await harness.createDisk(base);
  const guest = stack.use(await harness.sandbox.openEphemeral({ layer: layerId(sha256(disk)), disk, image }));
  const asRoot = async (script: string): Promise<string> => await output(guest, rootShell, script);
  const owned = stack.move();
  return {
    run: async (script, as) =>
      await output(guest, as === "root" ? rootShell : ["/bin/bash", "-c", script], script),
    step: async (script) => {
      const bootInfo = await asRoot(
        `cd /proc && echo "processes:" [0-9]* && echo "programs:" $(for p in [0-9]*; do [ ! -e $p/exe ] || echo /proc/$p/maps; done)`,
      );
      const captured = vmReuse.parseBaseline(await asRoot(vmReuse.captureBaseline(bootInfo).script ?? ""));
      if (captured.kind === "refused") throw new Error(`It has no baseline: ${captured.reason}`);
      await output(guest, ["/bin/bash", "-c", script], "");
      const report = await asRoot(captured.baseline.resetAndFlush(bootInfo).script ?? "");
      await asRoot("fsfreeze --unfreeze /");
      if (!report.endsWith("obuilder: frozen\n")) throw new Error(`It was not frozen: ${report.slice(-500)}`);
      return captured.baseline.diff(report.replace(/obuilder: frozen\n$/, ""));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function output(guest: GuestAccess, command: readonly string[], input: string): Promise<string> {
  const [out, errors] = [new PassThrough(), new PassThrough()];
  const [text, complaints] = [textOf(out), textOf(errors)];
  const status = await guest.execInteractive({
    command,
    stdio: { input: Readable.from([Buffer.from(input)]), output: out, errors, tty: undefined },
  });
  out.end();
  errors.end();
  if (status !== 0) throw new Error(`${command.join(" ")}: ${status}\n${await text}\n${await complaints}`);
  return await text;
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
