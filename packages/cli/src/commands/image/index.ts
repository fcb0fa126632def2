import { didYouMean, ObError } from "@ob/core";
import { type Arguments, acceptedButHidden, storeOptions, stringOption } from "../../args/options.ts";
import { sandboxOptions } from "../../args/sandbox-flags.ts";
import type { Command } from "../command.ts";
import { checkOneImage, imageCheckOptions, importOneImage } from "./check.ts";
import { buildOneImage, imageBuildOptions } from "./build.ts";
import { imageTransferOptions, pullOneImage, pushOneImage } from "./transfer.ts";
import { listAllImages, removeOneImage } from "./list.ts";

const actions = {
  list: { argument: undefined, run: listAllImages },
  build: { argument: "NAME or FOLDER", run: buildOneImage },
  check: { argument: "NAME or FILE", run: checkOneImage },
  import: { argument: "FILE", run: importOneImage },
  push: { argument: "NAME REF", run: pushOneImage },
  pull: { argument: "REF [NAME]", run: pullOneImage },
  rm: { argument: "NAME", run: removeOneImage },
} as const;

type Action = keyof typeof actions;
const names = Object.keys(actions).filter((name) => isAction(name));

export const image: Command = {
  description:
    "Manages base images, which `(from NAME)` starts from. list shows those of the store and those that can be built; " +
    "build builds one from a recipe, which is built in or a folder of yours; check boots one and checks what builds " +
    "need (with --deep: all that a build can do); import adds an existing disk; push and pull exchange images with a " +
    "registry; rm removes one.",
  positionals: [
    { name: "ACTION", describe: names.join(", ") },
    { name: "WHAT", describe: "The image's name, a recipe's folder, a file, or what to pull" },
    {
      name: "TO",
      describe: "push: the repository in a registry, with or without a tag; pull: the image's name",
    },
  ],
  options: {
    ...storeOptions,
    ...imageBuildOptions,
    ...imageCheckOptions,
    ...imageTransferOptions,
    json: {
      kind: "flag",
      describe:
        'list: one object per line: {"name","state","guest","bytes","made"}; check --deep: the report as one object',
      group: "Output:",
    },
    ...acceptedButHidden(sandboxOptions),
  },
  examples: [
    [
      "obuilder image list --store=qemu:/var/cache/obuilder",
      "the images of the store, and those that can be built",
    ],
    ["obuilder image build debian-13-amd64 --package git --disk-size 40G --name debian-13-git", ""],
    ["obuilder image build ./my-image", "from the recipe in a folder"],
    ["obuilder image check debian-12-amd64", "boot and check it"],
    ["obuilder image check --deep mine --report mine.md", "run everything on it, and write a report"],
    ["obuilder image push debian-12-amd64 registry.example/images --login-key", "for other hosts"],
    ["obuilder image pull registry.example/images:debian-12-amd64", "instead of building it"],
    ["obuilder image import disk.vmdk --name mine --guest-os linux --guest-arch amd64 --user me", ""],
  ],

  async run(args, session) {
    const action = readAction(args);
    const { argument, run } = actions[action];
    const target = stringOption(args, "WHAT");
    if (argument === undefined && target !== undefined) {
      throw new ObError("USAGE", `Unexpected argument ${JSON.stringify(target)}.`, {
        hint: `\`image ${action}\` takes no name.`,
      });
    }
    if (argument !== undefined && target === undefined) {
      throw new ObError("USAGE", `No image is given: obuilder image ${action} ${argument}.`, {
        hint: "`obuilder image list` shows the images of the store, and those that can be built.",
      });
    }
    const to = stringOption(args, "TO");
    if (to !== undefined && action !== "push" && action !== "pull") {
      throw new ObError("USAGE", `Unexpected argument ${JSON.stringify(to)}.`, {
        hint: `\`image ${action}\` takes ${argument ?? "no name"}.`,
      });
    }
    return await run(args, { session, target: target ?? "" });
  },
};

function readAction(args: Arguments): Action {
  const given = stringOption(args, "ACTION");
  if (given !== undefined && isAction(given)) return given;
  const what = given === undefined ? "No action is given" : `Unknown action ${JSON.stringify(given)}`;
  throw new ObError("USAGE", `${what}: image takes ${names.join(", ")}.`, {
    hint: given === undefined ? undefined : didYouMean(given, names),
  });
}

function isAction(name: string): name is Action {
  return Object.hasOwn(actions, name);
}
