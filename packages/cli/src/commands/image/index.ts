import { didYouMean, ObError } from "@ob/core";
import {
  type Arguments,
  acceptedButHidden,
  sandboxOptions,
  storeOptions,
  stringOption,
} from "../../args/options.ts";
import type { Command } from "../command.ts";
import { checkOneImage, imageCheckOptions, importOneImage } from "./check.ts";
import { buildOneImage, imageBuildOptions } from "./build.ts";
import { listAllImages, removeOneImage } from "./list.ts";

const actions = {
  list: { argument: undefined, run: listAllImages },
  build: { argument: "NAME or FOLDER", run: buildOneImage },
  check: { argument: "NAME or FILE", run: checkOneImage },
  import: { argument: "FILE", run: importOneImage },
  rm: { argument: "NAME", run: removeOneImage },
} as const;

type Action = keyof typeof actions;
const names = Object.keys(actions).filter((name) => isAction(name));

export const image: Command = {
  description:
    "Makes, brings in and looks after base images: what `(from NAME)` starts from. list shows those of the store and " +
    "those that can be made; build makes one from a recipe, ours or a folder of your own; check boots one and looks " +
    "at what builds need; import takes a disk that you have; rm removes one.",
  positionals: [
    { name: "ACTION", describe: names.join(", ") },
    { name: "WHAT", describe: "The image's name, a recipe's folder, or a file" },
  ],
  options: {
    ...storeOptions,
    ...imageBuildOptions,
    ...imageCheckOptions,
    json: {
      kind: "flag",
      describe: 'list: one object a line: {"name","state","guest","bytes","made"}',
      group: "Output:",
    },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    ["obuilder image list --store=qemu:/var/cache/obuilder", "what there is, and what can be made"],
    ["obuilder image build debian-13-amd64 --package git --disk-size 40G --name debian-13-git", ""],
    ["obuilder image build ./my-image", "by the recipe in a folder"],
    ["obuilder image check debian-12-amd64", "boots it, and says what it finds"],
    ["obuilder image import disk.vmdk --name mine --guest-os linux --guest-arch amd64 --user me", ""],
  ],

  async run(args, session) {
    const action = readAction(args);
    const { argument, run } = actions[action];
    const what = stringOption(args, "WHAT");
    if (argument === undefined && what !== undefined) {
      throw new ObError("USAGE", `What is ${JSON.stringify(what)} for? \`image ${action}\` takes no name.`);
    }
    if (argument !== undefined && what === undefined) {
      throw new ObError("USAGE", `Say which image: obuilder image ${action} ${argument}.`, {
        hint: "`obuilder image list` shows those that there are, and those that can be made.",
      });
    }
    return await run(args, { ...session, what: what ?? "" });
  },
};

function readAction(args: Arguments): Action {
  const given = stringOption(args, "ACTION");
  if (given !== undefined && isAction(given)) return given;
  const what =
    given === undefined
      ? "Say what to do with images"
      : `${JSON.stringify(given)} is nothing to do with images`;
  throw new ObError("USAGE", `${what}: ${names.join(", ")}.`, {
    hint: given === undefined ? undefined : didYouMean(given, names),
  });
}

function isAction(name: string): name is Action {
  return Object.hasOwn(actions, name);
}
