import { ObError } from "@ob/core";
import { readAction } from "../../args/actions.ts";
import { acceptedButHidden, storeOptions, stringOption } from "../../args/options.ts";
import { sandboxOptions } from "../../args/sandbox-flags.ts";
import type { Action, Command } from "../command.ts";
import { checkOneImage, imageCheckOptions, importOneImage } from "./check.ts";
import { buildOneImage, imageBuildOptions } from "./build.ts";
import { imageTransferOptions, pullOneImage, pushOneImage } from "./transfer.ts";
import { listAllImages, removeOneImage } from "./list.ts";

const runs = {
  list: listAllImages,
  build: buildOneImage,
  check: checkOneImage,
  import: importOneImage,
  push: pushOneImage,
  pull: pullOneImage,
  rm: removeOneImage,
} as const;

type ActionName = keyof typeof runs;
const names = Object.keys(runs).filter((name): name is ActionName => Object.hasOwn(runs, name));

const imageName = { name: "NAME", describe: "The image's name", complete: "image" } as const;
const ref = { name: "REF", describe: "A repository in a registry, with or without a tag" } as const;
const existing = ["user", "guest-os", "guest-arch", "ssh-key"] as const;

const actions: Readonly<Record<ActionName, Action>> = {
  list: {
    summary: "Lists the images of the store, and those that can be built",
    positionals: [],
    options: ["json"],
    aliases: ["ls"],
  },
  build: {
    summary: "Builds an image from a recipe, unless it is up to date",
    positionals: [
      { name: "NAME|FOLDER", describe: "A built-in recipe, or the folder of one", complete: "recipe" },
    ],
    options: Object.keys(imageBuildOptions),
  },
  check: {
    summary: "Boots an image on an ephemeral disk and checks what builds need",
    positionals: [{ ...imageName, name: "NAME|FILE" }],
    options: [...existing, "deep", "report", "json"],
  },
  import: {
    summary: "Adds an existing disk as an image",
    positionals: [{ name: "FILE", describe: "The disk", complete: "file" }],
    options: [...existing, "name", "kernel", "initrd", "append", "no-check"],
  },
  push: {
    summary: "Pushes an image to a registry",
    positionals: [imageName, ref],
    options: ["login-key", "insecure", "force"],
  },
  pull: {
    summary: "Pulls an image from a registry",
    positionals: [ref, { name: "[NAME]", describe: "The image's name here" }],
    options: ["arch", "insecure", "force"],
  },
  rm: {
    summary: "Removes an image; its layers are kept, with the data that they need",
    positionals: [imageName],
    options: [],
    aliases: ["remove"],
  },
};

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
  actions,
  options: {
    ...storeOptions,
    ...imageBuildOptions,
    ...imageCheckOptions,
    ...imageTransferOptions,
    json: {
      kind: "flag",
      describe:
        'list: one object per line: {"name","state","guest","bytes","made"}; check: {"image","passed","checks","speed"}; check --deep: the report',
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
    const action = readAction(args, { command: "image", names });
    const run = runs[action];
    const [argument] = actions[action].positionals;
    const target = stringOption(args, "WHAT");
    if (argument === undefined && target !== undefined) {
      throw new ObError("USAGE", `Unexpected argument ${JSON.stringify(target)}.`, {
        hint: `\`image ${action}\` takes no name.`,
      });
    }
    if (argument !== undefined && target === undefined) {
      throw new ObError("USAGE", `No image is given: obuilder image ${action} ${argument.name}.`, {
        hint: "`obuilder image list` shows the images of the store, and those that can be built.",
      });
    }
    const to = stringOption(args, "TO");
    if (to !== undefined && action !== "push" && action !== "pull") {
      throw new ObError("USAGE", `Unexpected argument ${JSON.stringify(to)}.`, {
        hint: `\`image ${action}\` takes ${argument?.name ?? "no name"}.`,
      });
    }
    return await run(args, { session, target: target ?? "" });
  },
};
