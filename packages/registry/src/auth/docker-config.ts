import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { errnoCode, errorMessage, quotedName } from "@ob/core";
import * as v from "valibot";
import { registryError } from "../errors.ts";
import { parseJson } from "../http/json.ts";
import { anonymous, type Credentials, type CredentialSource } from "./credentials.ts";
import { askHelper } from "./credential-helper.ts";

export interface DockerCredentialsOptions {
  /** Variables that say where the files are; `process.env` if absent. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The home directory. */
  readonly home?: string | undefined;
}

const entrySchema = v.object({
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
  registrytoken: v.optional(v.string()),
});
const schema = v.object({
  auths: v.optional(v.record(v.string(), entrySchema), {}),
  credsStore: v.optional(v.string()),
  credHelpers: v.optional(v.record(v.string(), v.string()), {}),
});
type Config = v.InferOutput<typeof schema>;

/** What Docker calls its own registry where it keeps credentials. */
const dockerHub = "https://index.docker.io/v1/";

const maxBytes = 1 << 20;

/**
 * Credentials from the files of Docker, Podman and Skopeo: `REGISTRY_AUTH_FILE`, or `config.json` in `DOCKER_CONFIG` or
 * `~/.docker`, then `containers/auth.json` in `XDG_RUNTIME_DIR`. The first file with an entry for the registry counts. A
 * credential helper that it names is run.
 *
 * @throws ObError `REGISTRY` if a file is damaged or a helper fails. Nothing of what is in them is in the message.
 */
export function dockerCredentials({
  env = process.env,
  home = homedir(),
}: DockerCredentialsOptions = {}): CredentialSource {
  return async (registry, { repository, signal }) => {
    for (const file of configFiles(env, home)) {
      const config = await readConfig(file);
      const found = config && (await findIn(config, { registry, repository, signal, env }));
      if (found) return found;
    }
    return anonymous;
  };
}

function configFiles(env: NonNullable<DockerCredentialsOptions["env"]>, home: string): readonly string[] {
  const { REGISTRY_AUTH_FILE: only, DOCKER_CONFIG: docker, XDG_RUNTIME_DIR: runtime } = env;
  if (only) return [only];
  const own = join(docker || join(home, ".docker"), "config.json");
  return runtime ? [own, join(runtime, "containers", "auth.json")] : [own];
}

async function readConfig(file: string): Promise<Config | undefined> {
  try {
    const { size } = await stat(file);
    if (size > maxBytes) throw registryError(`${file} has more than ${maxBytes} bytes.`);
    const text = await readFile(file, "utf8");
    // Podman makes an empty file at first.
    return text.trim() === "" ? undefined : parseJson(text, { what: file, schema });
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return undefined;
    if (errnoCode(error) === undefined) throw error;
    throw registryError(`The credentials in ${file} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

interface Wanted {
  readonly registry: string;
  readonly repository: string;
  readonly signal: AbortSignal;
  readonly env: NonNullable<DockerCredentialsOptions["env"]>;
}

async function findIn(
  config: Config,
  { registry, repository, signal, env }: Wanted,
): Promise<Credentials | undefined> {
  const server = registry === "docker.io" ? dockerHub : registry;
  const helper =
    entryOf(config.credHelpers, server) ?? entryOf(config.credHelpers, registry) ?? config.credsStore;
  if (helper !== undefined && helper !== "") {
    const found = await askHelper(helper, { registry: server, signal, env });
    if (found) return found;
  }
  const key = keysFor(registry, repository).find((each) => entryOf(config.auths, each) !== undefined);
  const entry = key === undefined ? undefined : entryOf(config.auths, key);
  return entry && fromEntry(entry, registry);
}

/** The keys that an entry may have, the most particular one first: Podman logs in to parts of a registry, too. */
function keysFor(registry: string, repository: string): readonly string[] {
  const parts = repository.split("/");
  const paths = parts.map((_, index) => `${registry}/${parts.slice(0, parts.length - index).join("/")}`);
  const urls = ["https://", "http://"].flatMap((scheme) =>
    ["", "/", "/v1/", "/v2/"].map((path) => `${scheme}${registry}${path}`),
  );
  return [...paths, registry, ...urls, ...(registry === "docker.io" ? [dockerHub] : [])];
}

function fromEntry(entry: v.InferOutput<typeof entrySchema>, registry: string): Credentials | undefined {
  if (entry.registrytoken) return { kind: "bearer", token: entry.registrytoken };
  if (entry.identitytoken) return { kind: "identity", token: entry.identitytoken };
  if (entry.auth) {
    const text = Buffer.from(entry.auth, "base64").toString("utf8").replace(/\0+$/, "");
    const colon = text.indexOf(":");
    if (colon === -1)
      throw registryError(`The credentials for ${quotedName(registry)} are not USER:PASSWORD in base64.`);
    return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  const { username, password } = entry;
  return username && password !== undefined ? { kind: "password", username, password } : undefined;
}

function entryOf<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
