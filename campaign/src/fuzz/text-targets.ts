import * as fc from "fast-check";
import { parseImageManifest } from "@ob/core";
import { encodeSpec, fromBytes, parseSpec, sexpToMachine } from "@ob/spec";
import { buildRecordSchema } from "../../../packages/cluster/src/engine/build-record.ts";
import { tryParseJson } from "../../../packages/cluster/src/redis/parse-json.ts";
import { parseArtefact } from "../../../packages/registry/src/artefact/oci-manifest.ts";
import { parseIndex } from "../../../packages/registry/src/artefact/image-index.ts";
import { parseChallenges } from "../../../packages/registry/src/auth/challenge.ts";
import { digestOf } from "../../../packages/registry/src/reference/digest.ts";
import { parseReference } from "../../../packages/registry/src/reference/reference.ts";
import { parseQmpMessage } from "../../../packages/qemu/src/qmp/protocol.ts";
import { mutated } from "./mutated.ts";
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

const digest = digestOf("x");
const descriptor = { mediaType: "application/x", digest, size: 3, annotations: { a: "b" } };
const manifests = [
  JSON.stringify({
    schemaVersion: 2,
    artifactType: "t",
    config: descriptor,
    layers: [descriptor, descriptor],
    annotations: { k: "v" },
  }),
  JSON.stringify({
    schemaVersion: 2,
    manifests: [{ ...descriptor, platform: { os: "linux", architecture: "amd64" } }],
  }),
];
const image = "application/vnd.oci.image.manifest.v1+json";

const references = ["localhost:5000/a/b:tag", `reg.example/x@${digest}`, "[::1]:80/a", "a/b"];
const challenges = [
  'Bearer realm="https://a/b",service="s",scope="repository:x:pull,push"',
  'Basic realm="a\\"b"',
  "Negotiate abc==",
];

/** Text that others write. */
export const textTargets: readonly Target[] = [
  target("spec text", mutated(specs), (bytes) => {
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
  target("image manifests", mutated(imageManifests), (bytes) => {
    parseImageManifest(bytes.toString("utf8"));
  }),
  target("QMP lines", mutated(qmpLines), (bytes) => {
    parseQmpMessage(bytes.toString("utf8"));
  }),
  target("registry manifests", mutated(manifests), (bytes) => {
    parseArtefact({ bytes, mediaType: image, digest }, "it");
  }),
  target("registry indexes", mutated(manifests), (bytes) => {
    parseIndex({ bytes, mediaType: image, digest }, "it");
  }),
  target("registry challenges", mutated(challenges), (bytes) => {
    parseChallenges([bytes.toString("latin1")]);
  }),
  target("references", mutated(references), (bytes) => {
    parseReference(bytes.toString("utf8"));
  }),
  target("Redis records", mutated(records()), (bytes) => {
    tryParseJson(buildRecordSchema, bytes.toString("utf8"));
  }),
];

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
