import { posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { ObError } from "@ob/core";
import { findTarget } from "../args/copy-target.ts";
import { resolveLayer } from "../args/layer-ref.ts";
import { storeOptions, stringOption } from "../args/options.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { unpackArchive } from "../unpack/unpack-archive.ts";
import type { Command } from "./command.ts";

export const cp: Command = {
  description:
    "Copies a file or a directory out of a layer, with an ephemeral VM on it. DEST is as for `cp -r`: a directory to copy " +
    "into, or a new name; - writes a tar archive to standard output. A symbolic link at the end of PATH is followed; " +
    "links in a directory are copied as links.",
  positionals: [
    {
      name: "ID:PATH",
      describe: "A layer, by its id or a tag, and an absolute path in it",
      complete: "layer-path",
    },
    { name: "DEST", describe: "A path on the host, or -", complete: "file" },
  ],
  options: { ...storeOptions, ...sandboxOptions },
  examples: [
    ["obuilder cp --store=qemu:/var/cache/obuilder 8a897f21e54d:/src/hello .", "a file"],
    [
      "obuilder cp ... tools:1.2:/src/. out",
      "the contents of a directory, of the layer with the tag tools:1.2",
    ],
    ["obuilder cp ... 8a897f21e54d:/src - | tar -t", "as an archive, with the owners in the guest"],
  ],

  async run(args, { services, io, location, flags, emit }) {
    const { layer, path: given } = parseSource(stringOption(args, "ID:PATH"));
    const destination = stringOption(args, "DEST");
    if (destination === undefined) {
      throw new ObError("USAGE", "No destination is given.", {
        hint: "Give a file or directory, or - for a tar archive on standard output.",
      });
    }
    if (destination === "-" && io.stdout.isTTY === true) {
      throw new ObError("USAGE", "An archive is not written to a terminal.", {
        hint: "Redirect it, for example: obuilder cp ID:PATH - | tar -t",
      });
    }
    const { checkSourcePath, layerArchive } = await import("@ob/builder");
    const path = checkSourcePath(given);
    const item = { name: posix.basename(path), contents: path === "/" || /(^|\/)\.$/.test(given) };
    const target = destination === "-" ? undefined : await findTarget(destination, item);
    const id = await resolveLayer(layer, { services, location });

    const { signal } = io;
    await using builder = await services.openBuilder({ location, flags, emit });
    await using guest = await builder.openLayer(id, { signal });
    const archive = layerArchive(async () => guest, {
      items: [{ path, archivePath: target?.archivePath ?? (() => (item.contents ? "" : item.name)) }],
      owner: { kind: target ? "reader" : "same" },
      followLinks: true,
      skipDevices: target !== undefined,
      signal,
      emit,
    });
    io.restoreUmask?.();
    if (target) await unpackArchive(archive, { directory: target.directory, signal, emit });
    else await pipeline(archive, io.stdout, { end: false, signal });
  },
};

/** A tag can have a colon, as in `tools:1.2:/path`: then the path begins at the first colon with a slash after it. */
function parseSource(given: string | undefined): { readonly layer: string; readonly path: string } {
  const source = given ?? "";
  const form = /^[0-9a-f]+:/i.test(source) || !source.includes(":/") ? /^([^:]*):(.*)$/s : /^(.*?):(\/.*)$/s;
  const [, layer, path] = form.exec(source) ?? [];
  if (layer !== undefined && path !== undefined) return { layer, path };
  throw new ObError("USAGE", given === undefined ? "No source is given." : `${given} has no path.`, {
    hint: "The source has the form ID:PATH, for example 8a897f21e54d:/etc/hostname, or tools:/etc/hostname with a tag.",
  });
}
