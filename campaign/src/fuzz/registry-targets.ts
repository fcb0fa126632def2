import { parseArtefact } from "../../../packages/registry/src/artefact/oci-manifest.ts";
import { findContext } from "../../../packages/registry/src/artefact/context.ts";
import { checkImageManifest, decodeImage, filesOf } from "../../../packages/registry/src/artefact/image.ts";
import { chooseEntry, encodeIndex, parseIndex } from "../../../packages/registry/src/artefact/image-index.ts";
import { decodeLayer } from "../../../packages/registry/src/artefact/layer.ts";
import {
  annotations,
  artefactTypes,
  mediaTypes,
} from "../../../packages/registry/src/artefact/media-types.ts";
import { parseChallenges } from "../../../packages/registry/src/auth/challenge.ts";
import { fetchToken } from "../../../packages/registry/src/auth/token.ts";
import { Repository } from "../../../packages/registry/src/blobs/repository.ts";
import { digestOf } from "../../../packages/registry/src/reference/digest.ts";
import { parseReference } from "../../../packages/registry/src/reference/reference.ts";
import { layerId, sha256 } from "@ob/core";
import { mutatedJson } from "./mutated-json.ts";
import { mutated } from "./mutated.ts";
import { asyncTarget, type Target, target } from "./target.ts";

const digest = digestOf("x");
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const id = layerId(sha256("layer"));
const config = { mediaType: mediaTypes.empty, digest, size: 2 };
const content = { [annotations.digest]: digest, [annotations.size]: "3" };

const artefact = (artifactType: string, blobs: readonly unknown[], more = {}): string =>
  JSON.stringify({
    ...{ schemaVersion: 2, mediaType: manifestType, artifactType, config },
    ...{ layers: blobs, annotations: {}, ...more },
  });

const layers = [
  artefact(
    artefactTypes.layer,
    [
      { mediaType: mediaTypes.disk, digest, size: 3, annotations: { [annotations.layerId]: sha256("base") } },
      {
        mediaType: mediaTypes.compressedDisk,
        digest,
        size: 3,
        annotations: { ...content, [annotations.layerId]: id },
      },
      { mediaType: mediaTypes.log, digest, size: 3, annotations: content },
    ],
    {
      annotations: { [annotations.layerId]: id, [annotations.environment]: '[["A","1"],["__proto__","2"]]' },
    },
  ),
];
const images = [
  artefact(
    artefactTypes.image,
    [
      { mediaType: mediaTypes.disk, digest, size: 3 },
      {
        mediaType: mediaTypes.imageFile,
        digest,
        size: 3,
        annotations: { [annotations.title]: "linux/vmlinuz" },
      },
      { mediaType: mediaTypes.imageFile, digest, size: 3, annotations: { [annotations.title]: "initrd" } },
    ],
    { config: { mediaType: mediaTypes.imageManifest, digest, size: 3 } },
  ),
];
const contexts = [
  artefact(artefactTypes.context, [{ mediaType: mediaTypes.context, digest, size: 3, annotations: content }]),
];
const entry = { mediaType: manifestType, digest, size: 3 };
const indexes = [
  JSON.stringify({
    schemaVersion: 2,
    mediaType: indexType,
    manifests: [
      { ...entry, platform: { os: "linux", architecture: "amd64" } },
      { ...entry, platform: { os: "linux", architecture: "arm", variant: "v7" } },
    ],
  }),
];
const imageManifest = JSON.stringify({
  version: 1,
  guestOs: "linux",
  guestArch: "amd64",
  loginUser: "opam",
  sshKey: "../../state/ssh/x",
  directBoot: { kernel: "k", initrd: "i", commandLine: "root=/dev/vda1" },
  sha256: digest.slice("sha256:".length),
});
const tokens = [
  '{"token":"abc","expires_in":60}',
  '{"access_token":"x.y","expires_in":1e9,"issued_at":"now"}',
];
const references = ["localhost:5000/a/b:tag", `reg.example/x@${digest}`, "[::1]:80/a", "a/b"];
const challenges = [
  'Bearer realm="https://a/b",service="s",scope="repository:x:pull,push"',
  'Basic realm="a\\"b"',
  "Negotiate abc==",
];

/** A repository whose only manifest has these bytes. */
class OneManifest extends Repository {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super(Object.assign(Object.create(null), { name: "it" }));
    this.#bytes = bytes;
  }

  override label(reference: string): string {
    return `it:${reference}`;
  }

  override async getManifest(): Promise<{ digest: typeof digest; mediaType: string; bytes: Uint8Array }> {
    return { digest, mediaType: manifestType, bytes: this.#bytes };
  }
}

/** Answers of registries and of their token servers. */
export const registryTargets: readonly Target[] = [
  target("registry manifests", mutatedJson([...layers, ...images]), (bytes) => {
    parseArtefact({ bytes, mediaType: manifestType, digest }, "it");
  }),
  target("manifests of layers", mutatedJson(layers), (bytes) => {
    const read = parseArtefact({ bytes, mediaType: manifestType, digest }, "it");
    const { chain } = decodeLayer(read, { id, manifestDigest: digest, what: "it" });
    if (chain.at(-1)?.id !== id) throw new Error("the chain ends with another layer");
  }),
  target("manifests of base images", mutatedJson(images), (bytes) => {
    const { files } = decodeImage(parseArtefact({ bytes, mediaType: manifestType, digest }, "it"), {
      manifestDigest: digest,
      what: "it",
    });
    if (new Set(files.map(({ name }) => name)).size < files.length) throw new Error("a file is there twice");
  }),
  target("image manifests of registries", mutatedJson([imageManifest]), (bytes) => {
    const files = filesOf(checkImageManifest(bytes.toString("utf8"), { digest, size: 3 }, "it"));
    const leadsOut = files.find((name) => name.startsWith("/") || name.split("/").includes(".."));
    if (leadsOut !== undefined) throw new Error(`the file ${leadsOut} is outside`);
  }),
  asyncTarget("manifests of build contexts", mutatedJson(contexts), async (bytes) => {
    const found = await findContext(new OneManifest(bytes), "x", new AbortController().signal);
    if (!Number.isSafeInteger(found?.tar.content.size)) throw new Error("the size is not a number");
  }),
  target("registry indexes", mutatedJson(indexes), (bytes) => {
    const entries = parseIndex({ bytes, mediaType: indexType, digest }, "it");
    const again = parseIndex({ bytes: encodeIndex(entries), mediaType: indexType, digest }, "it");
    if (again.length !== entries.length) throw new Error("an image is lost");
    chooseEntry(entries, { architecture: "amd64" }, "it");
  }),
  target(
    "registry challenges",
    mutated(challenges),
    (bytes) => parseChallenges([bytes.toString("latin1")]).length > 0,
  ),
  asyncTarget("registry tokens", mutatedJson(tokens), async (body) => {
    const { token, lifetimeMs } = await fetchToken({
      realm: new URL("https://a/b"),
      service: undefined,
      scope: ["x"],
      credentials: { kind: "anonymous" },
      send: async () => ({ status: 200, body }),
    });
    // It becomes a part of a header.
    if (!/^[\x21-\x7e]+$/.test(token) || !(lifetimeMs >= 0)) throw new Error(`a token is ${token}`);
  }),
  target("references", mutated(references), (bytes) => {
    parseReference(bytes.toString("utf8"));
  }),
];
