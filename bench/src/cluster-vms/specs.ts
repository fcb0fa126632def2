import { imageName } from "../fixtures.ts";

/** A spec of one stage. */
export function stageOf(commands: readonly string[], network = ""): string {
  const runs = commands.map((command) => `(run ${network} (shell ${JSON.stringify(command)}))`);
  return `((from ${imageName}) ${runs.join("\n")})`;
}
