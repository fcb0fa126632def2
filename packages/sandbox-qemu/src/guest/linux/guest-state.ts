import { type Clocks, isClockLine, parseClocks } from "./clocks.ts";
import { isIpv6RouteOfCommand, isKeyOfService, processOfFile } from "./kernel-lines.ts";
import { type FileStat, type Mount, parseMount, parseStat } from "./mounts-and-files.ts";
import { processFacts } from "./process-facts.ts";
import { isVolatileSetting, settingsDigest } from "./settings.ts";

/** The state of a Linux guest: what collect-baseline.sh prints, without what may change at any time. */
export interface GuestState extends Clocks {
  /** Undefined if the guest reports that its settings have the digest that it was given. */
  readonly settings: Settings | undefined;
  readonly mounts: readonly Mount[];
  readonly files: readonly FileStat[];
  /** The lines of /proc/partitions. */
  readonly disks: readonly string[];
  /** Lines that must not change, each with what it is about as its prefix. */
  readonly facts: readonly string[];
  /** True if the service managers have not run since their turns were counted: what they know is not among the facts then. */
  readonly managersUnchanged: boolean;
  /** How many processes were started since the boot. */
  readonly forks: number;
}

/** The state of a guest when it was ready, before a step has run. */
export interface CapturedState extends GuestState {
  readonly settings: Settings;
  /** The paths of the settings that do not change by themselves, relative to /proc/sys. */
  readonly settingNames: readonly string[];
  /** The login user's home directory; empty if the user has none. */
  readonly home: string;
  /** The paths of the kernel's files that are read after each step. */
  readonly watched: readonly string[];
  /** How often the service managers had run before the step, as `PID:TIMES` with blanks between them. Undefined if that is not known. */
  readonly turns?: string | undefined;
}

/** The files under /proc/sys that do not change by themselves. */
export interface Settings {
  /** `PATH:VALUE`, with a path relative to /proc/sys. */
  readonly lines: readonly string[];
  /** The MD5 digest of these lines, as the guest computes it. */
  readonly digest: string;
}

/** A state, or why the text is none. */
export type Parsed<State> =
  | { readonly kind: "parsed"; readonly state: State }
  | { readonly kind: "malformed"; readonly reason: string };

/** The longest state, in characters. That of our images has 90,000. */
export const maxStateLength = 1_048_576;

type Entry =
  | { readonly kind: "ignored" }
  | { readonly kind: "settingNames"; readonly names: readonly string[] }
  | { readonly kind: "settingsUnchanged" }
  | { readonly kind: "setting"; readonly line: string }
  | { readonly kind: "home"; readonly path: string }
  | { readonly kind: "watched"; readonly paths: readonly string[] }
  | { readonly kind: "managersUnchanged" }
  | { readonly kind: "processLine"; readonly process: string; readonly text: string }
  | { readonly kind: "mount"; readonly mount: Mount }
  | { readonly kind: "file"; readonly file: FileStat }
  | { readonly kind: "disk"; readonly line: string }
  | { readonly kind: "forks"; readonly count: number }
  /** How many keys a user has, as COUNT/LIMIT. */
  | { readonly kind: "keyUser"; readonly user: string; readonly count: string }
  | { readonly kind: "keyOfService" }
  /** A controller, with how many control groups there are. */
  | { readonly kind: "controller"; readonly line: string; readonly withoutCount: string }
  | { readonly kind: "fact"; readonly line: string };

const ignored: Entry = { kind: "ignored" };

/** Parses what capture-baseline.sh prints. */
export function parseCapturedState(text: string): Parsed<CapturedState> {
  const entries = parseEntries(text);
  if (typeof entries === "string") return malformed(entries);
  const [home, ...otherHomes] = ofKind(entries, "home");
  const [names, ...otherNames] = ofKind(entries, "settingNames");
  if (!home || otherHomes.length > 0) return malformed("it has not one home directory");
  if (!names || otherNames.length > 0) return malformed("it has not one list of settings");
  const common = { ...stateOf(entries), ...parseClocks(text) };
  const { settings } = common;
  if (!settings) return malformed("it has no settings");
  const settingNames = names.names.filter((name) => !isVolatileSetting(name));
  const watched = ofKind(entries, "watched").flatMap(({ paths }) => paths);
  return { kind: "parsed", state: { ...common, settings, settingNames, home: home.path, watched } };
}

/** Parses what reset-and-flush.sh prints. */
export function parseReportedState(text: string): Parsed<GuestState> {
  const entries = parseEntries(text);
  if (typeof entries === "string") return malformed(entries);
  return { kind: "parsed", state: { ...stateOf(entries), ...parseClocks(text) } };
}

function malformed(reason: string): { readonly kind: "malformed"; readonly reason: string } {
  return { kind: "malformed", reason };
}

/** @returns why the text is malformed, if it is. */
function parseEntries(text: string): readonly Entry[] | string {
  if (text.length > maxStateLength) return `it is longer than ${maxStateLength} characters`;
  const entries: Entry[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const entry = parseLine(line);
    if (!entry) return `it has the line ${JSON.stringify(line.slice(0, 200))}`;
    entries.push(entry);
  }
  return entries;
}

function stateOf(entries: readonly Entry[]): Omit<GuestState, keyof Clocks> {
  const lines = ofKind(entries, "setting").map(({ line }) => line);
  const isUnchanged = lines.length === 0 && ofKind(entries, "settingsUnchanged").length > 0;
  return {
    settings: isUnchanged ? undefined : { lines, digest: settingsDigest(lines) },
    mounts: ofKind(entries, "mount").map(({ mount }) => mount),
    files: ofKind(entries, "file").map(({ file }) => file),
    disks: ofKind(entries, "disk").map(({ line }) => line),
    facts: [
      ...ofKind(entries, "fact").map(({ line }) => line),
      ...keyFacts(entries),
      ...controllerFacts(entries),
      ...processFacts(ofKind(entries, "processLine")),
    ],
    managersUnchanged: ofKind(entries, "managersUnchanged").length > 0,
    forks: ofKind(entries, "forks").reduce((most, { count }) => Math.max(most, count), 0),
  };
}

/** How many keys each user has, of those that do not come and go with services. */
function keyFacts(entries: readonly Entry[]): readonly string[] {
  const ofServices = ofKind(entries, "keyOfService").length;
  return ofKind(entries, "keyUser").flatMap(({ user, count }) => {
    const [all = "", limit = ""] = count.split("/");
    const kept = Number(all) - (user === "0:" ? ofServices : 0);
    return kept === 0 ? [] : [`/proc/key-users:${user} ${kept}/${limit}`];
  });
}

/** Where control groups are listed they are not counted: the kernel counts one that was removed for some time. */
function controllerFacts(entries: readonly Entry[]): readonly string[] {
  const areListed = entries.some((entry) => entry.kind === "fact" && entry.line.startsWith("group: "));
  return ofKind(entries, "controller").map(({ line, withoutCount }) => (areListed ? withoutCount : line));
}

function ofKind<Kind extends Entry["kind"]>(
  entries: readonly Entry[],
  kind: Kind,
): readonly Extract<Entry, { readonly kind: Kind }>[] {
  return entries.filter((entry): entry is Extract<Entry, { readonly kind: Kind }> => entry.kind === kind);
}

const settingsRoot = "/proc/sys/";

/** @returns undefined if the line is malformed. A line that is not known is one that must not change. */
function parseLine(line: string): Entry | undefined {
  const colon = line.indexOf(":");
  const [source, rest] = [line.slice(0, Math.max(colon, 0)), line.slice(colon + 1)];
  const words = rest.trim().split(/\s+/);
  const fact = (...kept: readonly (string | undefined)[]): Extract<Entry, { kind: "fact" }> => ({
    kind: "fact",
    line: `${source}:${kept.join(" ")}`,
  });
  switch (source) {
    case "settings":
      return rest === " unchanged" ? { kind: "settingsUnchanged" } : { kind: "settingNames", names: words };
    case "home":
      return { kind: "home", path: rest.slice(1) };
    case "watched":
      return { kind: "watched", paths: words };
    case "managers":
      return { kind: "managersUnchanged" };
    // See turnsIn.
    case "turns":
      return ignored;
    case "clock":
    case "hardware clock":
      return isClockLine(line) ? ignored : undefined;
    case "stat":
      return ifAny(parseStat(rest), (file) => ({ kind: "file", file }));
    case "/proc/self/mountinfo":
      return ifAny(parseMount(rest), (mount) => ({ kind: "mount", mount }));
    case "/proc/partitions":
      return { kind: "disk", line };
    case "/proc/stat":
      return parseKernelStatistics(words);
    case "/proc/modules":
    case "/proc/swaps":
      return fact(words[0]);
    case "/proc/cgroups":
      return { kind: "controller", line, withoutCount: fact(words[0], words[1], words[3]).line };
    case "/proc/net/route":
      return fact(...words.slice(0, 4), ...words.slice(6, 8));
    // Permanent addresses only: they were set by a command. The kernel's own are tentative at first.
    case "/proc/net/if_inet6":
      return words[4] === "80" || words[4] === "c0" ? fact(...words.slice(0, 4)) : ignored;
    case "/proc/net/ipv6_route":
      return isIpv6RouteOfCommand(words) ? fact(...words.slice(0, 6), words[9]) : ignored;
    // The keys of a user, of which root sees only the number.
    case "/proc/key-users":
      return { kind: "keyUser", user: words[0] ?? "", count: words[3] ?? "" };
    case "/proc/keys":
      if (isKeyOfService(words)) return words[1]?.includes("Q") === true ? { kind: "keyOfService" } : ignored;
      return ["user", "logon", "big_key"].includes(words[7] ?? "") ? { kind: "fact", line } : ignored;
    default:
      return line.startsWith(settingsRoot)
        ? parseSetting(line)
        : (parseProcessLine(source, rest) ?? { kind: "fact", line });
  }
}

function parseProcessLine(source: string, text: string): Entry | undefined {
  const process = processOfFile(source);
  return process === undefined ? undefined : { kind: "processLine", process, text };
}

function ifAny<Value>(value: Value | undefined, entry: (value: Value) => Entry): Entry | undefined {
  return value === undefined ? undefined : entry(value);
}

function parseSetting(line: string): Entry {
  const setting = line.slice(settingsRoot.length);
  return isVolatileSetting(setting.slice(0, setting.indexOf(":")))
    ? ignored
    : { kind: "setting", line: setting };
}

function parseKernelStatistics([name, count = ""]: readonly string[]): Entry | undefined {
  if (name !== "processes") return ignored;
  return /^\d{1,15}$/.test(count) ? { kind: "forks", count: Number(count) } : undefined;
}
