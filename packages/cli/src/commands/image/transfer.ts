import { guestArchNames, hostGuestArch, ObError } from "@ob/core";
import type { OptionTable } from "../../args/flags.ts";
import { archOption, type Arguments, stringOption } from "../../args/options.ts";
import { formatSize } from "../../args/units.ts";
import { type ImageSession, withPhases } from "./session.ts";

const group = "push, pull:";

export const imageTransferOptions: OptionTable = {
  "login-key": {
    kind: "flag",
    describe: "push: include the store's own login key, which an image that was built here needs",
    group,
  },
  arch: {
    kind: "value",
    value: "ARCH",
    describe: `pull: the image for ${guestArchNames.join(", ")} (default: of several the one for this host)`,
    complete: guestArchNames,
    group,
  },
  insecure: { kind: "flag", describe: "Use plain http", group },
};

/** `image push NAME REF`: the tag is the image's name, if the reference has none. */
export async function pushOneImage(args: Arguments, { session, target }: ImageSession): Promise<void> {
  const { io, location, services } = session;
  const ref = stringOption(args, "TO");
  if (ref === undefined) {
    throw new ObError("USAGE", "No repository is given: obuilder image push NAME REF.", {
      hint: "For example registry.example/images, or registry.example/images:TAG.",
    });
  }
  const { readSharedImage } = await import("@ob/images");
  const image = await readSharedImage(location.directory, target);
  if (image.hasStoreKey && args["login-key"] !== true) {
    throw new ObError(
      "USAGE",
      `${target} needs the login key of this store, which would be pushed with it.`,
      {
        hint:
          "Whoever can pull it and reach this host's loopback can then log in to running guests of all images that were built " +
          "here. If that is all right, give --login-key.",
      },
    );
  }
  await withPhases(session, {}, async ({ onEvent = () => undefined, signal }) => {
    const { withPhase } = await import("@ob/images");
    await withPhase(`Push ${target}`, { onEvent, signal }, async (phase) => {
      await using remote = await services.openRepository({
        ref,
        insecure: args["insecure"] === true,
        onProgress: phase.onProgress,
      });
      const { registry, tag = target } = remote;
      const { disk, manifest, files } = image;
      const { outcome } = await registry.pushImage({
        ...{ tag, disk, files, manifest: JSON.stringify(manifest, undefined, 2) },
        ...{ overwrite: args["force"] === true, signal: phase.signal },
      });
      const where = `${registry.reference.registry}/${registry.reference.repository}:${tag}`;
      if (outcome === "different") {
        throw new ObError("USAGE", `There is another image at ${where}.`, { data: { existing: where } });
      }
      io.stdout.write(outcome === "present" ? `${where} is up to date\n` : `Pushed ${target} to ${where}\n`);
    });
  });
}

/** `image pull REF [NAME]`. */
export async function pullOneImage(args: Arguments, { session, target }: ImageSession): Promise<void> {
  const { io, location, services } = session;
  const given = stringOption(args, "TO");
  const architecture = archOption(args, "arch");
  await withPhases(session, {}, async ({ onEvent = () => undefined, signal }) => {
    const { addSharedImage, imageDigest, withPhase } = await import("@ob/images");
    await withPhase(`Pull ${target}`, { onEvent, signal }, async (phase) => {
      await using remote = await services.openRepository({
        ref: target,
        insecure: args["insecure"] === true,
        onProgress: phase.onProgress,
      });
      const { registry, tag = given } = remote;
      if (tag === undefined) {
        throw new ObError("USAGE", `Which image of ${target} is to be pulled?`, {
          hint: `obuilder image pull ${target}:TAG, or obuilder image pull ${target} NAME`,
        });
      }
      const wanted = { architecture, hostArchitecture: hostGuestArch(), signal: phase.signal };
      const image = await registry.findImage(tag, wanted);
      if (!image) throw noImage(`${target} ${tag}`);
      const digest = image.disk.digest.slice("sha256:".length);
      if (
        given !== undefined &&
        args["force"] !== true &&
        (await imageDigest(location.directory, given)) === digest
      ) {
        io.stdout.write(`${given} is up to date\n`);
        return;
      }
      const { name = "" } = await addSharedImage(location.directory, {
        name: given,
        asked: tag,
        signal: phase.signal,
        fetch: async ({ disk, file }) => {
          const pulled = await registry.pullImage(image, { disk, file, signal: phase.signal });
          if (!pulled) throw noImage(`${target} ${tag}`);
          if (pulled.manifest !== undefined) return pulled.manifest;
          throw new ObError("BASE_IMAGE", `${target} has no image manifest.`);
        },
      });
      io.stdout.write(`Pulled ${name} (${formatSize(image.disk.size)}): (from ${name})\n`);
    });
  });
}

function noImage(what: string): ObError {
  return new ObError("BASE_IMAGE", `The registry has no image ${what}, or not all of it.`, {
    hint: "`obuilder image push` pushes one.",
  });
}
