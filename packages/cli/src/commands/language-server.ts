import { baseOfTag, isObError } from "@ob/core";
import { storeOptions } from "../args/options.ts";
import type { StoreLocation } from "../args/store-location.ts";
import { storeNames } from "../completion/store-names.ts";
import type { Command } from "./command.ts";
import type { Session } from "./session.ts";

const group = "Client:";

export const languageServer: Command = {
  description:
    "Serves editors by the Language Server Protocol, on standard input and output: errors and what `lint` finds, explanations, " +
    "completion, quick fixes, formatting, outlines and the definitions of nested builds. With a store its base images and the names of its layers are suggested. See docs/editors.md.",
  positionals: [],
  options: {
    ...storeOptions,
    stdio: { kind: "flag", describe: "Use standard input and output, as is done without it", group },
    clientProcessId: {
      kind: "value",
      value: "PID",
      describe: "Accepted, since clients add it; the server ends with its input",
      group,
    },
  },
  examples: [["obuilder language-server --stdio", "what an editor runs"]],

  async run(_args, session) {
    const { runLanguageServer } = await import("../language-server/server.ts");
    return await runLanguageServer({ io: session.io, baseImages: () => baseImages(session) });
  },
};

/** Images of the store and those that can be built, and `obuilder:NAME` for each name of a layer. */
async function baseImages(session: Session): Promise<readonly string[]> {
  const { listImages, recipeNames } = await import("@ob/images");
  const location = storeOf(session);
  if (location === undefined) return recipeNames();
  const names = storeNames(session.services, { env: session.io.env });
  const [images, tags] = await Promise.all([
    listImages(location.directory),
    names("tag", `qemu:${location.directory}`),
  ]);
  return [...images.map(({ name }) => name), ...tags.map(({ word }) => baseOfTag(word))];
}

/** Undefined where none is given. */
function storeOf(session: Session): StoreLocation | undefined {
  try {
    return session.location;
  } catch (error) {
    if (isObError(error)) return undefined;
    throw error;
  }
}
