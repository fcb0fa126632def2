import * as fc from "fast-check";
import { layerId, parseImageManifest, sha256 } from "@ob/core";
import { encodeSpec, fromBytes, parseSpec, sexpToMachine } from "@ob/spec";
import { decide } from "../../../packages/builder/src/ignore/ignore-rules.ts";
import { parseIgnoreFile } from "../../../packages/builder/src/ignore/parse-ignore-file.ts";
import type { Manifest } from "../../../packages/builder/src/source/manifest.ts";
import { copyStepId } from "../../../packages/builder/src/steps/step-id.ts";
import { buildRecordSchema } from "../../../packages/cluster/src/engine/build-record.ts";
import { tryParseJson } from "../../../packages/cluster/src/redis/parse-json.ts";
import { parseQmpMessage } from "../../../packages/qemu/src/qmp/protocol.ts";
import { diffStates } from "../../../packages/sandbox-qemu/src/guest/linux/baseline.ts";
import { parseClocks } from "../../../packages/sandbox-qemu/src/guest/linux/clocks.ts";
import {
  parseCapturedState,
  parseReportedState,
} from "../../../packages/sandbox-qemu/src/guest/linux/guest-state.ts";
import { mutatedJson } from "./mutated-json.ts";
import { mutatedTokens } from "./mutated-tokens.ts";
import { type Target, target } from "./target.ts";

const specs = [
  `((build dev ((from base) (run (shell "make \\"x\\" \\195\\188 \\n")))) (from debian-12) ; comment
 #| nested #| more |# |# (workdir /src) (shell /bin/sh -c) #; (skipped)
 (run (cache (c (target /c) (buildkit_options ((sharing locked))))) (network host) (secrets (id (target /s))) (shell "true"))
 (copy (from (build dev)) (src /a b) (dst /d/) (exclude .git)) (user (uid 0) (gid 0)) (user (name opam)) (env A "1\\x41"))`,
  '((from base) (comment x) (run (shell "a\\\n   b")))',
];

const imageManifests = [
  JSON.stringify({ version: 1, guestOs: "linux", guestArch: "amd64", loginUser: "opam" }),
  JSON.stringify({
    ...{
      version: 2,
      name: "x",
      guestOs: "windows",
      guestArch: "amd64",
      loginUser: "opam",
      sshKey: "x.key",
      virtualSize: 1,
    },
    directBoot: { kernel: "k", initrd: "i", commandLine: "root=/dev/vda1" },
  }),
];

const qmpLines = [
  '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}',
  '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "DEVICE_DELETED", "data": {"device": "disk1", "path": "/machine"}}',
  '{"id": 4, "error": {"class": "GenericError", "desc": "no such thing"}}',
  '{"return": {"a": [1, null, "\\u0000"]}, "id": 3}',
];

/** What the scripts of a baseline print. */
const states = [
  [
    "settings: kernel/hostname vm/swappiness",
    "/proc/sys/vm/swappiness:60",
    "home: /home/opam",
    "/proc/self/mountinfo:22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw",
    "/proc/stat: processes 900",
    "/proc/key-users:    0:     3 2/2 1/1000000 9/25000000",
    "/proc/cgroups:cpu 1 20 1",
    "clock: 1700000000",
  ].join("\n"),
];
const ignoreFiles = [
  "# comment\n**/node_modules\n!a/**/b?[a-z].c\n\\!x\n/x/*/y/\n",
  "\ufeff**\n!**/[^x-z]*\n*?*?*\n",
];

const path = fc.array(fc.constantFrom("a", "b.c", "node_modules", "x", "é", "[", "*"), {
  minLength: 1,
  maxLength: 6,
});
const bytesText = fc.uint8Array({ maxLength: 12 }).map((bytes) => fromBytes(bytes));
/** What a source directory can hold: names of any bytes. */
const manifest: fc.Arbitrary<Manifest> = fc.letrec<{ tree: Manifest; leaf: Manifest }>((tie) => ({
  leaf: fc.oneof(
    fc.record({ kind: fc.constant("file" as const), path: bytesText, sha256: fc.constant(sha256("x")) }),
    fc.record({ kind: fc.constant("symlink" as const), path: bytesText, target: bytesText }),
  ),
  tree: fc.oneof(
    { depthSize: "small" },
    tie("leaf"),
    fc.record({
      kind: fc.constant("directory" as const),
      path: bytesText,
      entries: fc.array(tie("tree"), { maxLength: 4 }),
    }),
  ),
})).tree;

/** Text that others write. */
export const textTargets: readonly Target[] = [
  target("spec text", mutatedTokens(specs), (bytes) => {
    const spec = parseSpec(bytes.toString("utf8"), { file: "x" });
    const form = sexpToMachine(encodeSpec(spec));
    const again = sexpToMachine(encodeSpec(parseSpec(form, { file: "y" })));
    if (form !== again) throw new Error(`the machine form ${form} is read as ${again}`);
  }),
  target(
    "machine forms",
    fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }),
    (words) => {
      const atoms = words.map((word) => fromBytes(word));
      const form = sexpToMachine([
        ["from", "base"],
        ["shell", ...atoms],
      ]);
      const again = sexpToMachine(encodeSpec(parseSpec(form, { file: "x" })));
      if (form !== again) throw new Error(`${form} is read as ${again}`);
    },
  ),
  target("image manifests", mutatedJson(imageManifests), (bytes) => {
    parseImageManifest(bytes.toString("utf8"));
  }),
  target("QMP lines", mutatedJson(qmpLines), (bytes) => {
    parseQmpMessage(bytes.toString("utf8"));
  }),
  target("Redis records", mutatedJson(records()), (bytes) => {
    return tryParseJson(buildRecordSchema, bytes.toString("utf8")) !== undefined;
  }),
  target("states of guests", mutatedTokens(states), (bytes) => {
    const text = bytes.toString("utf8");
    parseClocks(text);
    const [captured, reported] = [parseCapturedState(text), parseReportedState(text)];
    if (captured.kind !== "parsed" || reported.kind !== "parsed") return false;
    diffStates(captured.state, reported.state);
    return true;
  }),
  target("ignore files", fc.tuple(mutatedTokens(ignoreFiles), path), ([bytes, parts]) => {
    const rules = parseIgnoreFile(bytes.toString("utf8"), "it");
    decide(rules, parts.join("/"));
  }),
  target("copy manifests", fc.tuple(manifest, manifest, bytesText), ([one, other, name]) => {
    const idOf = (each: Manifest, destination: string): string =>
      copyStepId({ base: layerId(sha256("base")), user: undefined, manifests: [each], destination });
    const all = [one, other, { ...one, path: name }];
    const ids = new Set(all.map((each) => idOf(each, "/d")));
    const texts = new Set(all.map((each) => JSON.stringify(formOf(each))));
    if (texts.size !== ids.size) throw new Error("two manifests have one id, or one has two");
    if (idOf(one, "/d") === idOf(one, "/d/")) throw new Error("two destinations have one id");
  }),
];

/** What an id has to tell apart. */
function formOf(each: Manifest): unknown {
  if (each.kind === "directory") return [each.kind, each.path, each.entries.map(formOf)];
  return [each.kind, each.path, each.kind === "file" ? each.sha256 : each.target];
}

function records(): readonly string[] {
  return [
    JSON.stringify({
      v: 1,
      client: "c",
      priority: 0,
      time: 1,
      spec: "((from base))",
      pools: { base: "default" },
      steps: [],
      script: [],
    }),
  ];
}
