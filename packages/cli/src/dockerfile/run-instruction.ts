import { checkFlags, type DockerInstruction } from "./instruction.ts";
import { Refused } from "./refusal.ts";
import { shellLines, shellWords } from "./shell-text.ts";
import { atom, continuedAtom, type Written } from "./spec-text.ts";

/** `RUN`: Docker gives each command the network, unless it says otherwise. */
export function runOp(from: DockerInstruction, user: Written): Written {
  checkFlags(from, ["mount", "network"]);
  if (from.hasHeredoc)
    throw new Refused(
      "a spec has no here-documents for commands",
      "write the command on lines that end in \\",
    );
  const caches: Written[] = [];
  const secrets: Written[] = [];
  let hasNetwork = true;
  for (const { name, value } of from.flags) {
    if (name === "network") hasNetwork = networkOf(value);
    else {
      const mount = readMount(value, user);
      (mount.type === "cache" ? caches : secrets).push(mount.written);
    }
  }
  const command =
    from.json === undefined ? continuedAtom(shellLines(from.text)) : `"${atomText(shellWords(from.json))}"`;
  return [
    "run",
    ...(caches.length > 0 ? [["cache", ...caches]] : []),
    ...(hasNetwork ? [["network", "host"]] : []),
    ...(secrets.length > 0 ? [["secrets", ...secrets]] : []),
    ["shell", command],
  ];
}

function atomText(text: string): string {
  return continuedAtom([text]).slice(1, -1);
}

function networkOf(value: string): boolean {
  if (value === "none") return false;
  if (value === "default" || value === "host") return true;
  throw new Refused(`there is no network ${value} in a spec`);
}

interface Mount {
  readonly type: "cache" | "secret";
  readonly written: Written;
}

/** `type=cache,target=/c`, with Docker's defaults. */
function readMount(text: string, user: Written): Mount {
  const options = new Map(text.split(",").map(splitOnce));
  const isOwner = (name: string): boolean =>
    name === "uid" && JSON.stringify(user).includes(JSON.stringify(["uid", options.get(name) ?? ""]));
  const type = options.get("type") ?? "bind";
  const target = options.get("target") ?? options.get("dst") ?? options.get("destination");
  const known = type === "cache" ? ["id", "sharing"] : ["id", "required"];
  if (type !== "cache" && type !== "secret")
    throw new Refused(`a spec has nothing for RUN --mount=type=${type}`);
  const other = [...options.keys()].find(
    (name) => !["type", "target", "dst", "destination", ...known].includes(name) && !isOwner(name),
  );
  if (other !== undefined)
    throw new Refused(`a spec has nothing for the option ${other} of RUN --mount=type=${type}`);
  if (/\$/.test(text)) throw new Refused("a spec expands nothing in a mount", "write the value");
  if (type === "secret") {
    const id = options.get("id") ?? target?.slice(target.lastIndexOf("/") + 1);
    if (id === undefined) throw new Refused("a secret without an id");
    return { type, written: [atom(id), ["target", atom(target ?? `/run/secrets/${id}`)]] };
  }
  if (target === undefined) throw new Refused("a cache without a target");
  const sharing = options.get("sharing");
  const buildkit: readonly Written[] =
    sharing === undefined ? [] : [["buildkit_options", [["sharing", atom(sharing)]]]];
  return { type, written: [atom(options.get("id") ?? target), ["target", atom(target)], ...buildkit] };
}

function splitOnce(part: string): readonly [string, string] {
  const sign = part.indexOf("=");
  return sign === -1 ? [part.trim(), "true"] : [part.slice(0, sign).trim(), part.slice(sign + 1)];
}
