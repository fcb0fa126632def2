/** What commands of Docker, Packer, Lima, Vagrant and others are called here. See docs/coming-from.md. */
const foreignCommands: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["enter", "exec", "run", "ssh"].map((name) => [name, "`obuilder shell ID`"])),
  ...Object.fromEntries(["destroy", "remove", "rm", "rmi"].map((name) => [name, "`obuilder delete ID`"])),
  ...{ buildx: "`obuilder build`", apply: "`obuilder build`", bake: "`obuilder build`" },
  ...{ check: "`obuilder lint`", format: "`obuilder fmt`", validate: "`obuilder plan`" },
  ...{ copy: "`obuilder cp ID:PATH DEST`", save: "`obuilder export ID FILE`" },
  ...{ images: "`obuilder ls` for layers, `obuilder image ls` for base images", df: "`obuilder du`" },
  ...{ logs: "`obuilder log ID`", ps: "`obuilder builds ls`", convert: "`obuilder dockerfile`" },
  ...{ pull: "`obuilder image pull REF`", push: "`obuilder image push NAME REF`" },
  ...{ import: "`obuilder image import FILE`", gc: "`obuilder prune`", version: "`obuilder --version`" },
  ...{ lsp: "`obuilder language-server`", settings: "`obuilder config`" },
};

/** What options of those tools are called here. */
const foreignOptions: Readonly<Record<string, string>> = {
  "build-context": "A copy takes files from SRC_DIR, or from a nested build of the spec.",
  file: "The spec is that of -f FILE.",
  iidfile: "--metadata-file=FILE writes the id, and more.",
  load: "Each layer stays in the store; --output writes it to files.",
  network: "In the spec, (run (network host) (shell ...)) gives a step a network.",
  platform: "The base image of the spec says it: (from debian-13-riscv64).",
  pull: "`obuilder image pull REF` gets a base image.",
  push: "--cache-to=type=registry,ref=REF pushes layers.",
  rm: "Nothing is left of a virtual machine when its step has ended.",
  squash: "`obuilder export` writes a layer with all below it as one disk.",
  var: "--build-arg=NAME=VALUE gives an (arg NAME) its value.",
};

/** A hint for who types a command of another tool. */
export function foreignCommandHint(name: string): string | undefined {
  return Object.hasOwn(foreignCommands, name) ? `Here it is ${foreignCommands[name]}.` : undefined;
}

/** A hint for who types an option of another tool, given without its dashes. */
export function foreignOptionHint(name: string): string | undefined {
  return Object.hasOwn(foreignOptions, name) ? foreignOptions[name] : undefined;
}
