import { ObError } from "@ob/core";
import type { Spec } from "@ob/spec";
import { readRequest } from "../args/build-input.ts";
import {
  contextRegistryOptions,
  findContextRegistry,
  queueOptions,
  readQueue,
  readRegistry,
  registryOptions,
  userName,
} from "../args/cluster-options.ts";
import { buildArgOptions } from "../args/build-args.ts";
import { secretOptions } from "../args/secrets.ts";
import { ignoreOptions } from "../args/ignore-file.ts";
import {
  type Arguments,
  progressOptions,
  readProgressMode,
  specOptions,
  stringOption,
  stringOptions,
} from "../args/options.ts";
import { countSteps } from "../args/spec-input.ts";
import { followBuild } from "../cluster/follow-build.ts";
import { inSpan, openTracing } from "../trace/tracing.ts";
import type { Command } from "./command.ts";

export const submit: Command = {
  description:
    "Builds a spec on a cluster: sends what its steps copy to the registry and the build to the queue, and shows it as `build` " +
    "does. The build goes on if this command ends; `attach` shows it again. Needs neither QEMU nor a store.",
  positionals: [
    { name: "SRC_DIR", describe: "The directory that `copy` takes files from", complete: "directory" },
  ],
  options: {
    ...queueOptions,
    ...registryOptions,
    ...contextRegistryOptions,
    ...specOptions,
    ...buildArgOptions,
    ...secretOptions,
    "secret-layers": {
      kind: "flag",
      describe: "Allow the layers of a spec with secrets, which the registry gets",
      group: "Spec:",
    },
    recipient: {
      kind: "values",
      value: "KEY",
      describe: "The public key of a pool (age1…) that secrets are sealed for; can be repeated",
      group: "Spec:",
    },
    ...ignoreOptions,
    detach: { kind: "flag", describe: "Print the build's name and do not wait for it", group: "Cluster:" },
    priority: {
      kind: "value",
      value: "N",
      describe: "From -4 to 4: each one more halves what the build counts for its client (default 0)",
      group: "Cluster:",
    },
    client: {
      kind: "value",
      value: "NAME",
      describe: "Whose build it is: clients share the workers evenly (default: the user)",
      group: "Cluster:",
    },
    pool: {
      kind: "value",
      value: "POOL",
      describe: "The pool that builds it (default: one that suits each base image)",
      group: "Cluster:",
    },
    ...progressOptions,
  },
  examples: [
    [
      "obuilder submit --queue rediss://queue.example --registry reg.example/ob -f example.spec .",
      "build on a cluster",
    ],
    ["obuilder submit --detach -f example.spec .", "with $OBUILDER_QUEUE and $OBUILDER_REGISTRY set"],
  ],

  async run(args, session) {
    const { services, io, emit } = session;
    const mode = readProgressMode(args);
    const redis = await readQueue(args, io);
    const registry = readRegistry(args, io);
    const contextRegistry = findContextRegistry(args, io);
    const priority = readPriority(args);
    const request = await readRequest(args, io, emit);
    const { spec } = request;
    const recipients = readRecipients(args, spec);
    await using tracing = await openTracing(io.env, emit);
    await inSpan({ tracing, name: "submit", env: io.env }, async (span) => {
      const cluster = await services.cluster();
      await using connection = await cluster.open({ redis, registry, contextRegistry, emit });
      const build = await connection.submit(request, {
        ...{ priority, recipients, emit, signal: io.signal, pool: stringOption(args, "pool") },
        client: stringOption(args, "client") ?? userName(),
        traceparent: span?.traceparent,
      });
      if (args["detach"] === true) {
        io.stdout.write(`${build}\n`);
        return;
      }
      const parallel = spec.builds.length > 0;
      await followBuild(build, { connection, session, mode, steps: countSteps(spec), parallel });
    });
  },
};

function readPriority(args: Arguments): number {
  const given = stringOption(args, "priority");
  if (given === undefined) return 0;
  if (/^-?[0-4]$/.test(given)) return Number(given);
  throw new ObError("USAGE", `--priority takes a number from -4 to 4, not ${JSON.stringify(given)}.`);
}

/** The keys that secrets are sealed with. @throws ObError `USAGE` for a spec with secrets whose layers may not be shared. */
function readRecipients(args: Arguments, spec: Spec): readonly string[] {
  const recipients = stringOptions(args, "recipient");
  if (!usesSecrets(spec)) return recipients;
  if (args["secret-layers"] !== true) {
    throw new ObError("USAGE", "The spec uses secrets, and the registry would get its layers.", {
      hint:
        "A layer can hold what a step made of a secret, and its id a hash of it. If those who can read the registry may have " +
        "that, give --secret-layers.",
    });
  }
  if (recipients.length > 0) return recipients;
  throw new ObError("USAGE", "The spec uses secrets, and there is no key to seal them with.", {
    hint: "Give the pool's public key with --recipient; `obuilder cluster key` prints it.",
  });
}

function usesSecrets({ builds, ops }: Spec): boolean {
  return (
    ops.some((op) => op.op === "run" && op.secrets.length > 0) || builds.some(({ spec }) => usesSecrets(spec))
  );
}
