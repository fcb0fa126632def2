import { showAtom } from "../../../near-name.ts";
import { fieldOf, rangeInCommand, valueOf } from "../places.ts";
import type { Finding, LintedSpec, PlacedRun, Rule } from "../rule.ts";
import type { ShellCommand } from "../shell-commands.ts";
import type { Word } from "../shell-words.ts";
import { hasOption, operandsOf } from "./operands.ts";

export const networkNeeded: Rule = {
  name: "network-needed",
  severity: "warning",
  summary: "a command that needs the network in a `run` without `(network host)`",
  *check({ text, stages }: LintedSpec): Iterable<Finding> {
    for (const run of stages.flatMap((stage) => stage.runs)) {
      if (run.op.network.length > 0) continue;
      const command = run.commands.find((each) => !each.isConditional && usesNetwork(each, run));
      const [first, second = first] = command?.words ?? [];
      if (command === undefined || first === undefined || second === undefined) continue;
      const shown = [command.program, ...(second === first || second.isDynamic ? [] : [second.text])].join(
        " ",
      );
      yield {
        at: rangeInCommand(text, run, { start: first.start, end: second.end }),
        message: `\`${shown}\` needs the network, and this step has none`,
        hint: "add (network host) to the run",
      };
    }
  },
};

export const unknownNetwork: Rule = {
  name: "unknown-network",
  severity: "error",
  summary: "a network that does not exist",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const run of stages.flatMap((stage) => stage.runs)) {
      for (const [index, name] of run.op.network.entries()) {
        if (name === "host" || name.includes("$")) continue;
        yield {
          at: (valueOf(run, "network", index) ?? fieldOf(run, "network")).at,
          message: `unknown network ${showAtom(name)}`,
          hint: "write (network host), or omit it: by default a step has no network",
        };
      }
    }
  },
};

type Test = (command: ShellCommand, run: PlacedRun) => boolean;

/** Takes packages from a server, with one of these verbs and at least that many operands. */
function installer(verbs: readonly string[], leastOperands = 0): Test {
  return (command) => {
    const [verb, ...names] = operandsOf(command);
    if (verb === undefined || !verbs.includes(verb.text)) return false;
    if (
      hasOption(
        command,
        "--offline",
        "--no-network",
        "--no-index",
        "--no-download",
        "--simulate",
        "-s",
        "--local",
      )
    ) {
      return false;
    }
    return leastOperands === 0 ? names.length === 0 || names.some(isRemote) : names.some(isRemote);
  };
}

const apt: Test = (command) => {
  const [verb, ...names] = operandsOf(command, /^-[oct]$/);
  if (hasOption(command, "--no-download", "--simulate", "-s")) return false;
  if (["update", "upgrade", "dist-upgrade", "full-upgrade"].includes(verb?.text ?? "")) return true;
  return ["install", "build-dep", "source"].includes(verb?.text ?? "") && names.some(isRemote);
};

const download: Test = ({ words }) => words.slice(1).some(isRemoteUrl);

const git: Test = (command) => {
  const [verb, ...names] = operandsOf(command, /^-[Cc]$/);
  return ["clone", "ls-remote"].includes(verb?.text ?? "") && names.some(isRemoteUrl);
};

const pip: Test = (command) => {
  const [verb, ...names] = operandsOf(
    command,
    /^-[rcefi]$|^--(?:requirement|constraint|editable|find-links|index-url)$/,
  );
  if (verb?.text !== "install" || hasOption(command, "--no-index")) return false;
  return names.some(isRemote) || hasOption(command, "-r", "--requirement");
};

const opam: Test = (command, { op }) => {
  const [verb, second, ...names] = operandsOf(command);
  if (verb?.text === "update") return true;
  if (verb?.text === "init")
    return names.length === 0 && second === undefined && !hasOption(command, "--bare");
  // What was downloaded before may be in a cache.
  if (verb?.text !== "install" || op.caches.some(({ target }) => target.includes("opam"))) return false;
  return (
    second !== undefined && [second, ...names].every(isRemote) && !hasOption(command, "--fake", "--show")
  );
};

const tests: Readonly<Record<string, Test>> = {
  ...{ "apt-get": apt, apt, aptitude: apt },
  apk: installer(["add", "update", "upgrade"]),
  bundle: installer(["install"]),
  cargo: (command, run) => !hasOption(command, "--path") && installer(["install", "fetch"])(command, run),
  choco: installer(["install", "upgrade"], 1),
  composer: installer(["install", "require", "update"]),
  ...{ curl: download, wget: download },
  ...{ dnf: installer(["install", "update", "upgrade"]), yum: installer(["install", "update", "upgrade"]) },
  gem: installer(["install"], 1),
  git,
  go: installer(["get", "install"], 1),
  ...{ npm: installer(["ci", "i", "install"]), pnpm: installer(["add", "i", "install"]) },
  ...{ pip, pip3: pip },
  yarn: installer(["add", "install"]),
};

function usesNetwork(command: ShellCommand, run: PlacedRun): boolean {
  if (/^opam(?:-[\w.]+)?$/.test(command.program)) return opam(command, run);
  return Object.hasOwn(tests, command.program) && tests[command.program]?.(command, run) === true;
}

/** True for the name of a package; false for a path, and for what is not known. */
function isRemote({ text, isDynamic }: Word): boolean {
  return !isDynamic && !/^(?:[./~]|file:)|\.(?:deb|rpm|apk|gem|whl|tgz|tar\.gz|zip)$/.test(text);
}

/** True for a URL, or `USER@HOST:PATH`, of another machine. */
function isRemoteUrl({ text }: Word): boolean {
  const [, host] = /^(?:https?|ftp|ssh|git):\/\/(?:[^/@\s]*@)?([\w.-]+|\[[\d:a-f]+\])/i.exec(text) ?? [];
  const found = host ?? /^[\w.-]+@([\w.-]+):/.exec(text)?.[1];
  return found !== undefined && !/^(?:localhost|127\.|\[::1\])/.test(found);
}
