import { ObError } from "@ob/core";
import { findRegistry, queueOptions, readQueue, registryOptions } from "../args/cluster-options.ts";
import { type Arguments, progressOptions, readProgressMode, stringOption } from "../args/options.ts";
import { followBuild } from "../cluster/follow-build.ts";
import type { Command } from "./command.ts";

export const attach: Command = {
  description:
    "Shows a build of a cluster from its begin, as `submit` does. Also one that has ended, for an hour. Without a registry the " +
    "logs of layers that were there already are not shown.",
  positionals: [{ name: "BUILD", describe: "The build's name, as `submit` prints it" }],
  options: { ...queueOptions, ...registryOptions, ...progressOptions },
  examples: [["obuilder attach 0123456789abcdef", "with $OBUILDER_QUEUE and $OBUILDER_REGISTRY set"]],

  async run(args, session) {
    const { services, io, emit } = session;
    const build = readBuild(args, "attach");
    const mode = readProgressMode(args);
    const redis = await readQueue(args, io);
    const cluster = await services.cluster();
    await using connection = await cluster.open({ redis, registry: findRegistry(args, io), emit });
    const { steps, parallel } = await connection.find(build, io.signal);
    await followBuild(build, { connection, session, mode, steps, parallel });
  },
};

/** @throws ObError `USAGE` if no build is given. */
export function readBuild(args: Arguments, command: string): string {
  const build = stringOption(args, "BUILD");
  if (build !== undefined) return build;
  throw new ObError("USAGE", `No build is given: obuilder ${command} BUILD.`, {
    hint: "`obuilder submit --detach` prints the name of a build.",
  });
}
