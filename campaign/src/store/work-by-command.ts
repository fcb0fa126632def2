import { EventEmitter } from "node:events";
import path from "node:path";
import { Writable } from "node:stream";
import { createBuilder } from "@ob/builder";
import { openCaches } from "@ob/cache";
import { ObError } from "@ob/core";
import { openRegistry } from "@ob/registry";
import { FakeRegistry } from "@ob/registry/testing";
import { openStore } from "@ob/store-qcow";
import { main } from "../../../packages/cli/src/main.ts";
import { type Services, services as realServices } from "../../../packages/cli/src/services.ts";
import { listenForInterrupts } from "../../../packages/cli/src/signals.ts";
import { imageFiles, imageManifest, importedName } from "./image-sources.ts";
import { archiveOfGuest, outputNames } from "./outputs.ts";
import { scriptedSandbox } from "./scripted-guest.ts";
import { cacheBytes, specText } from "./spec.ts";
import { saying, type Say } from "./work-on.ts";

/** What the command line does with a store. */
export async function workByCommand(
  directory: string,
  [word = "", sources = "", version = ""]: readonly string[],
  say: Say,
): Promise<void> {
  const store = `--store=qemu:${directory}`;
  switch (word) {
    case "command": {
      const outputs = Object.entries(outputNames).flatMap(([type, name]) => [
        "--output",
        `type=${type},dest=${path.join(directory, name)}`,
      ]);
      await obuilder(["build", store, "-f", "-", ...outputs, directory], { say, stdin: specText });
      say("built");
      for (const name of Object.values(outputNames)) say(`written ${name}`);
      return;
    }
    case "import": {
      const files = imageFiles(sources, version);
      const boot = ["--kernel", files.kernel, "--initrd", files.initrd, "--append", "quiet"];
      const image = ["--name", importedName, "--guest-os", "linux", "--guest-arch", "amd64", "--no-check"];
      await obuilder(["image", "import", store, files.disk, ...image, ...boot], { say });
      return say(`imported ${version}`);
    }
    case "pull": {
      await using registry = await FakeRegistry.start();
      const repository = `${registry.host}/images`;
      await push(repository, { sources, version });
      await obuilder(["image", "pull", store, `${repository}:${importedName}`, importedName, "--force"], {
        say,
      });
      return say(`imported ${version}`);
    }
  }
}

async function push(
  ref: string,
  { sources, version }: { readonly sources: string; readonly version: string },
): Promise<void> {
  const { disk, kernel, initrd } = imageFiles(sources, version);
  await using registry = openRegistry({ ref });
  const manifest = JSON.stringify(imageManifest);
  await registry.pushImage({ tag: importedName, disk, files: { kernel, initrd }, manifest });
}

/** @throws ObError `TOOL_FAILED` with what the command said, if it fails. */
async function obuilder(
  argv: readonly string[],
  { say, stdin = "" }: { readonly say: Say; readonly stdin?: string },
): Promise<void> {
  const interrupts = listenForInterrupts(new EventEmitter(), () => undefined);
  let errors = "";
  const code = await main(
    argv,
    {
      stdin: (async function* () {
        yield stdin;
      })(),
      stdout: sink(() => undefined),
      stderr: sink((text) => void (errors += text)),
      env: {},
      signal: interrupts.signal,
      interruptedBy: interrupts.cause,
    },
    { services: scriptedServices(say) },
  );
  if (code !== 0) throw new ObError("TOOL_FAILED", `obuilder ${argv[0]} ends with ${code}: ${errors.trim()}`);
}

function sink(write: (text: string) => void): Writable {
  return new Writable({
    write: (bytes: Buffer, _, done) => {
      write(bytes.toString());
      done();
    },
  });
}

/** The real services, with a scripted guest. */
function scriptedServices(say: Say): Services {
  return {
    ...realServices,
    openBuilder: async ({ location: { directory }, wrapStore = (store) => store }) => {
      const store = wrapStore(await openStore({ directory }));
      const caches = await openCaches({ directory, size: cacheBytes });
      const sandbox = scriptedSandbox({ readArchive: archiveOfGuest });
      const builder = createBuilder({ store, sandbox, caches, emit: saying(say), diskReserve: 0 });
      return {
        build: (request, options) => builder.build(request, options),
        plan: (request, options) => builder.plan(request, options),
        openLayer: (id, options) => builder.openLayer(id, options),
        healthcheck: (options) => builder.healthcheck(options),
        [Symbol.asyncDispose]: async () => {
          await builder[Symbol.asyncDispose]();
          await store[Symbol.asyncDispose]();
        },
      };
    },
  };
}
