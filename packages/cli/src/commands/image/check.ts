import { guestArchNames, guestOsNames, ObError } from "@ob/core";
import { checkKey } from "../../args/build-input.ts";
import type { OptionTable } from "../../args/flags.ts";
import { archOption, type Arguments, stringOption } from "../../args/options.ts";
import { readGuestOs } from "../../args/sandbox-flags.ts";
import { checkAsJson } from "./check-as-json.ts";
import { checkDeep, lifeCycleOptions, refuseWithoutDeep } from "./check-life-cycle.ts";
import { type ImageSession, withPhases } from "./session.ts";

const group = "import, check:";

export const imageCheckOptions: OptionTable = {
  "guest-os": {
    kind: "value",
    value: "OS",
    describe: guestOsNames.join(", "),
    group,
    complete: guestOsNames,
  },
  "guest-arch": {
    kind: "value",
    value: "ARCH",
    describe: guestArchNames.join(", "),
    group,
    complete: guestArchNames,
  },
  "ssh-key": {
    kind: "value",
    value: "FILE",
    describe: "The private key that the login user accepts; import copies it",
    group,
  },
  kernel: { kind: "value", value: "FILE", describe: "import: a kernel that QEMU boots directly", group },
  initrd: { kind: "value", value: "FILE", describe: "import: its initrd", group },
  append: { kind: "value", value: "WORDS", describe: "import: its command line", group },
  ...lifeCycleOptions,
  "no-check": { kind: "flag", describe: "import: do not boot the image", group },
};

export async function checkOneImage(
  args: Arguments,
  { session, target }: ImageSession,
): Promise<number | void> {
  const { io } = session;
  const request = {
    image: target,
    guestOs: readGuestOs(args, "guest-os") ?? readGuestOs(args, "qemu-guest-os"),
    guestArch: archOption(args, "guest-arch") ?? archOption(args, "qemu-guest-arch"),
    loginUser: stringOption(args, "user"),
    sshKey: stringOption(args, "ssh-key"),
  };
  await checkKey(stringOption(args, "qemu-ssh-key"));
  if (args["deep"] === true) return await checkDeep(args, { request, session });
  refuseWithoutDeep(args);
  if (args["json"] === true) return await checkAsJson(request, session);
  await withPhases(session, {}, async (tools) => {
    const { checkStoredImage } = await import("@ob/images");
    await checkStoredImage(request, tools);
    io.stdout.write(`${target}: OK\n`);
  });
}

export async function importOneImage(args: Arguments, { session, target }: ImageSession): Promise<void> {
  const { io } = session;
  const request = {
    file: target,
    name: needed(args, "name"),
    guestOs: readGuestOs(args, "guest-os") ?? missing("guest-os"),
    guestArch: archOption(args, "guest-arch") ?? missing("guest-arch"),
    loginUser: stringOption(args, "user") ?? "opam",
    sshKey: stringOption(args, "ssh-key"),
    ...readKernel(args),
    check: args["no-check"] !== true,
  };
  await withPhases(session, {}, async (tools) => {
    const { importImage } = await import("@ob/images");
    const { name } = await importImage(request, tools);
    io.stdout.write(`Imported ${target}: (from ${name})\n`);
  });
}

function readKernel(args: Arguments) {
  const kernel = stringOption(args, "kernel");
  const initrd = stringOption(args, "initrd");
  const append = stringOption(args, "append");
  if (kernel === undefined && (initrd !== undefined || append !== undefined)) {
    throw new ObError("USAGE", "--initrd and --append need --kernel.", {
      hint: "Without --kernel the image boots from its own disk.",
    });
  }
  return { kernel, initrd, append };
}

function needed(args: Arguments, name: string): string {
  return stringOption(args, name) ?? missing(name);
}

function missing(name: string): never {
  throw new ObError("USAGE", `\`image import\` needs --${name}.`, {
    hint: "obuilder image import FILE --name NAME --guest-os OS --guest-arch ARCH",
  });
}
