import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { ObError, storeLayout } from "@ob/core";
import { checkKey } from "../args/build-input.ts";
import { colorsFor } from "../output/colors.ts";
import { readSandboxFlags, sandboxOptions, storeOptions, stringOption } from "../args/options.ts";
import { logLine } from "../output/log-line.ts";
import { type StoreLocation, parseStoreLocation } from "../args/store-location.ts";
import type { Command } from "./command.ts";

export const healthcheck: Command = {
  description:
    "Tries that all is well: takes a base image of the store, boots it, runs a command in it, and stops it. " +
    "Leaves nothing in the store.",
  positionals: [],
  options: {
    ...storeOptions,
    image: {
      kind: "value",
      value: "NAME",
      describe: "The base image (default: the smallest of the store)",
      group: "Store:",
    },
    ...sandboxOptions,
  },
  examples: [
    ["obuilder healthcheck --store=qemu:/var/cache/obuilder", ""],
    ["obuilder healthcheck ... --image debian-12-amd64 -v", "of one image, with all that is run"],
  ],

  async run(args, { services: engine, io: host, verbosity, color }) {
    const location = parseStoreLocation(stringOption(args, "store") ?? host.env["OBUILDER_STORE"]);
    const flags = readSandboxFlags(args);
    const logColors = colorsFor(host.stderr, { mode: color, env: host.env });
    const image = stringOption(args, "image") ?? (await smallestImage(location));
    await checkKey(flags.sshKey);
    if (verbosity !== "quiet") host.stderr.write(`Trying the base image ${image}…\n`);
    await using builder = await engine.openBuilder({
      location,
      flags,
      emit: (event) => {
        const line = logLine(event, verbosity, logColors);
        if (line !== undefined) host.stderr.write(line);
      },
    });
    await builder.healthcheck({ image, signal: host.signal });
    host.stdout.write("Healthcheck passed\n");
  },
};

/** The quickest to try. */
async function smallestImage({ directory }: StoreLocation): Promise<string> {
  const images = storeLayout(directory).baseImages;
  const names = await readdir(images).catch(() => []);
  const sized = await Promise.all(
    names
      .filter((name) => name.endsWith(".qcow2"))
      .map(async (name) => ({ name, size: (await stat(path.join(images, name))).size })),
  );
  const [smallest] = sized.toSorted((a, b) => a.size - b.size || a.name.localeCompare(b.name));
  if (smallest) return path.basename(smallest.name, ".qcow2");
  throw new ObError("BASE_IMAGE", `There is no base image in ${images}.`, {
    hint: "`obuilder image build NAME` makes one; `obuilder image list` shows the names.",
  });
}
