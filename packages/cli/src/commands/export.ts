import type { EphemeralGuest, LayerId, Store } from "@ob/core";
import { cacheFromOptions } from "../args/cache-options.ts";
import { findLayer, layerArgument } from "../args/layer-ref.ts";
import { storeOptions, stringOption } from "../args/options.ts";
import { outputOption, readOutput } from "../args/output.ts";
import { sandboxOptions } from "../args/sandbox-flags.ts";
import { checkOutput, writeOutput } from "../outputs/write-output.ts";
import { openSharedStore } from "../sharing/open-shared-store.ts";
import type { Command } from "./command.ts";
import type { Session } from "./session.ts";

export const exportLayer: Command = {
  description:
    "Exports a layer's disk, with its backing chain, as one qcow2 file that boots on its own; or, with --output, in another " +
    "format, as an OCI image with that file in it, which KubeVirt boots as a containerDisk, or the layer's files, which an " +
    "ephemeral VM reads. A file appears when it is complete.",
  positionals: [
    layerArgument,
    { name: "FILE", describe: "The qcow2 file to write; or --output", complete: "file" },
  ],
  options: {
    ...storeOptions,
    ...cacheFromOptions,
    ...outputOption,
    compress: { kind: "flag", describe: "Compress the disk with zstd: qcow2 and oci", group: "Output:" },
    force: { kind: "flag", describe: "Replace an existing file", group: "Output:" },
    ...sandboxOptions,
  },
  examples: [
    ["obuilder export --store=qemu:/var/cache/obuilder 8a897f21e54d disk.qcow2", ""],
    ["obuilder export ... --compress 8a897f21e54d other-store/base-image/tools.qcow2", "as a new base image"],
    ["obuilder export ... tools:1.2 --output type=vmdk,dest=tools.vmdk", "for VMware and VirtualBox"],
    ["obuilder export ... tools:1.2 --output type=tar,src=/opt | tar -t", "files, as an archive"],
  ],

  async run(args, session) {
    const { io, emit } = session;
    const output = readOutput(args);
    const overwrite = args["force"] === true;
    await checkOutput(output, { io, overwrite });
    await using opened = await openSharedStore(args, session);
    const { store } = opened;
    const id = findLayer(store, stringOption(args, "ID"));
    await opened.lookFor(id);
    await using stack = new AsyncDisposableStack();
    const openGuest = async () => await guestOn(id, store, { session, stack });
    const said = await writeOutput(id, output, { store, openGuest, io, overwrite, emit });
    if (said !== undefined) io.stdout.write(`${said}\n`);
  },
};

/** A guest on a layer, which is taken from a registry first if it is only there. */
async function guestOn(
  id: LayerId,
  store: Store,
  { session, stack }: { readonly session: Session; readonly stack: AsyncDisposableStack },
): Promise<EphemeralGuest> {
  const { services, location, flags, emit, io } = session;
  const { signal } = io;
  const scratch = await store.createScratchDisk(id, signal);
  await scratch[Symbol.asyncDispose]();
  const builder = stack.use(await services.openBuilder({ location, flags, emit }));
  return await builder.openLayer(id, { signal });
}
