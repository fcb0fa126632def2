import { queueOptions, readQueue } from "../args/cluster-options.ts";
import { readBuild } from "./attach.ts";
import type { Command } from "./command.ts";

export const cancel: Command = {
  description:
    "Cancels a build of a cluster: its steps stop, except for those that other builds want. Without effect on one that has ended.",
  positionals: [{ name: "BUILD", describe: "The build's name, as `submit` prints it" }],
  options: queueOptions,
  examples: [["obuilder cancel 0123456789abcdef", "with $OBUILDER_QUEUE set"]],

  async run(args, { services, io, emit }) {
    const build = readBuild(args, "cancel");
    const redis = await readQueue(args, io);
    const cluster = await services.cluster();
    await using connection = await cluster.open({ redis, registry: undefined, emit });
    await connection.cancel(build);
    io.stdout.write(`Cancelled ${build}\n`);
  },
};
