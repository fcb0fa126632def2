import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { ObError, storeLayout } from "@ob/core";
import { checkKey } from "../args/build-input.ts";
import { readTimeout } from "../args/limits.ts";
import { storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { type StoreLocation } from "../args/store-location.ts";
import type { Command } from "./command.ts";

export const healthcheck: Command = {
  description:
    "Checks that a base image boots and runs a command: imports an image of the store, boots it, runs a command, " +
    "stops it and commits the layer, which it then deletes.",
  positionals: [],
  options: {
    ...storeOptions,
    image: {
      kind: "value",
      value: "NAME",
      describe: "The base image (default: the smallest of the store)",
      group: "Store:",
      complete: "image",
    },
    timeout: {
      kind: "value",
      value: "SPAN",
      describe: "End with 124 if the step takes longer than this, such as 10m (default: 5m)",
      group: "Limits:",
    },
    ...sandboxOptions,
  },
  examples: [
    ["obuilder healthcheck --store=qemu:/var/cache/obuilder", ""],
    ["obuilder healthcheck ... --image debian-12-amd64 -v", "one image, showing the programs that are run"],
  ],

  async run(args, { services, io, verbosity, location, flags, emit }) {
    const image = stringOption(args, "image") ?? (await smallestImage(location));
    const deadlineMs = readTimeout(args);
    await checkKey(flags.sshKey);
    if (verbosity !== "quiet") io.stderr.write(`Checking the base image ${image}…\n`);
    await using builder = await services.openBuilder({ location, flags, emit });
    await builder.healthcheck({ image, deadlineMs, signal: io.signal });
    io.stdout.write("Healthcheck passed\n");
  },
};

/** The quickest to check. */
async function smallestImage({ directory }: StoreLocation): Promise<string> {
  const images = storeLayout(directory).baseImages;
  const names = await readdir(images, { recursive: true }).catch(() => []);
  const sized = await Promise.all(
    names
      .filter((name) => name.endsWith(".qcow2") && !name.startsWith("."))
      .map(async (name) => ({ name, size: (await stat(path.join(images, name))).size })),
  );
  const [smallest] = sized.toSorted((a, b) => a.size - b.size || a.name.localeCompare(b.name));
  if (smallest) return smallest.name.slice(0, -".qcow2".length);
  throw new ObError("BASE_IMAGE", `There is no base image in ${images}.`, {
    data: { noBaseImages: images },
  });
}
