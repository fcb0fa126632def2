import { ObError } from "@ob/core";
import { enumOption } from "../args/options.ts";
import { readPackageFile } from "../package-file.ts";
import type { Command } from "./command.ts";

const shells = ["bash", "fish", "zsh"] as const;

export const completion: Command = {
  description:
    "Prints a script that lets a shell complete the words of obuilder: commands, options and their values, the layers, tags, images " +
    "and caches of the store, and the recipes. The store is that of --store on the line, else of $OBUILDER_STORE.",
  positionals: [{ name: "SHELL", describe: "bash, fish or zsh", complete: shells }],
  options: {},
  examples: [
    ["obuilder completion bash > ~/.local/share/bash-completion/completions/obuilder", ""],
    ["obuilder completion zsh > ~/.zfunc/_obuilder", "in a directory of $fpath"],
    ["obuilder completion fish > ~/.config/fish/completions/obuilder.fish", ""],
  ],

  async run(args, { io }) {
    const shell = enumOption(args, "SHELL", shells);
    if (shell === undefined) throw new ObError("USAGE", `No shell is given: ${shells.join(", ")}.`);
    io.stdout.write(readPackageFile(`completions/obuilder.${shell}`));
  },
};
