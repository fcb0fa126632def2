import type { OptionTable } from "../../args/flags.ts";
import { type Arguments, stringOption, stringOptions } from "../../args/options.ts";
import { formatDuration, parseSize } from "../../args/units.ts";
import { type ImageSession, withPhases } from "./session.ts";

const group = "build:";

export const imageBuildOptions: OptionTable = {
  ocaml: {
    kind: "value",
    value: "VERSION",
    describe: "With OCaml X.Y.Z, or the newest X.Y; the name gets -ocaml-VERSION",
    group,
  },
  "disk-size": { kind: "value", value: "SIZE", describe: "The guest's disk, in GiB or as 20G", group },
  user: {
    kind: "value",
    value: "NAME",
    describe: "The login user (default opam); for import and check, the existing one",
    group,
  },
  package: {
    kind: "values",
    value: "NAME",
    describe: "An additional package of the guest's distribution; can be repeated",
    group,
  },
  iso: { kind: "value", value: "FILE", describe: "The installer's ISO, if it cannot be downloaded", group },
  from: {
    kind: "values",
    value: "[NAME=]FILE",
    describe: "A file to use instead of the download NAME; can be repeated",
    group,
  },
  name: { kind: "value", value: "NAME", describe: "The name of the image; required for import", group },
  force: { kind: "flag", describe: "Build the image even if it is up to date", group },
};

export async function buildOneImage(args: Arguments, { session, target }: ImageSession): Promise<void> {
  const { io } = session;
  io.outliveReader?.();
  const size = stringOption(args, "disk-size");
  const request = {
    recipe: target,
    ocaml: stringOption(args, "ocaml"),
    diskSize: size === undefined ? undefined : parseSize(size, "--disk-size"),
    user: stringOption(args, "user"),
    packages: stringOptions(args, "package"),
    iso: stringOption(args, "iso"),
    from: stringOptions(args, "from"),
    name: stringOption(args, "name"),
  };
  await withPhases(session, {}, async (tools) => {
    const { buildImage, imageIsCurrent, planImage } = await import("@ob/images");
    const planned = await planImage(request);
    const { name } = planned;
    if (args["force"] !== true && (await imageIsCurrent(planned, session.location.directory))) {
      io.stdout.write(`${name} is up to date\n`);
      return;
    }
    io.stdout.write(`Building the base image ${name}\n`);
    const start = performance.now();
    io.restoreUmask?.();
    await buildImage(planned, tools);
    const took = formatDuration(performance.now() - start);
    io.stdout.write(`Built ${name} in ${took}: (from ${name})\n`);
  });
}
