import { readFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import type { RedisAddress } from "@ob/cluster";
import { errorMessage, ObError } from "@ob/core";
import type { RegistryAddress } from "../cluster/cluster-ports.ts";
import type { ProcessIo } from "../process-io.ts";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOption } from "./options.ts";

const group = "Cluster:";

export const queueOptions: OptionTable = {
  queue: {
    kind: "value",
    value: "URL",
    describe: "The Redis server: redis://HOST:PORT, or rediss:// for TLS (default: $OBUILDER_QUEUE)",
    group,
  },
  "queue-password-file": {
    kind: "value",
    value: "FILE",
    describe: "The file with the password for it (default: $OBUILDER_QUEUE_PASSWORD)",
    group,
  },
  "queue-ca": {
    kind: "value",
    value: "FILE",
    describe: "The certificates that its own is signed by, in PEM",
    group,
  },
  "queue-cert": { kind: "value", value: "FILE", describe: "The client's certificate for it, in PEM", group },
  "queue-key": { kind: "value", value: "FILE", describe: "The key of that certificate, in PEM", group },
};

export const registryOptions: OptionTable = {
  registry: {
    kind: "value",
    value: "REF",
    describe: "The repository of base images and layers, as reg.example/ob (default: $OBUILDER_REGISTRY)",
    group,
  },
  "registry-insecure": { kind: "flag", describe: "Use plain http for registries", group },
};

export const contextRegistryOptions: OptionTable = {
  "context-registry": {
    kind: "value",
    value: "REF",
    describe:
      "The repository of build contexts, if it is another one: clients push there and nowhere else (default: " +
      "$OBUILDER_CONTEXT_REGISTRY, or --registry)",
    group,
  },
};

/** The Redis server. @throws ObError `USAGE`; no message has a password. */
export async function readQueue(args: Arguments, { env }: ProcessIo): Promise<RedisAddress> {
  const text = stringOption(args, "queue") ?? env["OBUILDER_QUEUE"];
  if (text === undefined || text === "") {
    throw new ObError("USAGE", "No queue is given.", {
      hint: "Add --queue=redis://HOST:PORT, or set OBUILDER_QUEUE.",
    });
  }
  const file = stringOption(args, "queue-password-file");
  const password =
    file === undefined
      ? env["OBUILDER_QUEUE_PASSWORD"]
      : (await readOptionFile(file, "queue-password-file")).trim();
  const url = password === undefined || password === "" ? text : withPassword(text, password);
  const pem = async (name: string) => {
    const path = stringOption(args, name);
    return path === undefined ? undefined : await readOptionFile(path, name);
  };
  const [ca, cert, key] = [await pem("queue-ca"), await pem("queue-cert"), await pem("queue-key")];
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  return { url, ...(Object.keys(tls).length > 0 && { tls }) };
}

/** The repository of a cluster; undefined where none is given. */
export function findRegistry(args: Arguments, { env }: ProcessIo): RegistryAddress | undefined {
  const ref = stringOption(args, "registry") ?? env["OBUILDER_REGISTRY"];
  if (ref === undefined || ref === "") return undefined;
  return { ref, insecure: args["registry-insecure"] === true };
}

/** The repository of build contexts; undefined if it is that of layers. */
export function findContextRegistry(args: Arguments, { env }: ProcessIo): RegistryAddress | undefined {
  const ref = stringOption(args, "context-registry") ?? env["OBUILDER_CONTEXT_REGISTRY"];
  if (ref === undefined || ref === "") return undefined;
  return { ref, insecure: args["registry-insecure"] === true };
}

/** @throws ObError `USAGE` if no repository is given. */
export function readRegistry(args: Arguments, io: ProcessIo): RegistryAddress {
  const found = findRegistry(args, io);
  if (found) return found;
  throw new ObError("USAGE", "No registry is given.", {
    hint: "Add --registry=HOST/REPOSITORY, or set OBUILDER_REGISTRY.",
  });
}

/** A file that an option names. @throws ObError `USAGE`. */
export async function readOptionFile(file: string, option: string): Promise<string> {
  return await readFile(file, "utf8").catch((cause: unknown) => {
    throw new ObError("USAGE", `The file of --${option} cannot be read: ${errorMessage(cause)}.`, { cause });
  });
}

/** A name for a worker: that of the host. */
export function hostName(): string {
  return nameFrom(hostname(), "worker");
}

/** A name for a client: that of the user. */
export function userName(): string {
  return nameFrom(userInfo().username, "client");
}

function nameFrom(text: string, otherwise: string): string {
  const name = text
    .replaceAll(/[^\w.-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 100);
  return name === "" ? otherwise : name;
}

function withPassword(text: string, password: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  url.password = encodeURIComponent(password);
  return url.href;
}
