import type { ImageTools } from "@ob/images";
import { colorsFor, isSmartTerminal } from "../../output/colors.ts";
import { type Arguments, readSandboxFlags, stringOption } from "../../args/options.ts";
import { logLine } from "../../output/log-line.ts";
import { Phases } from "../../progress/image-phases.ts";
import { parseStoreLocation, type StoreLocation } from "../../args/store-location.ts";
import type { Session } from "../command.ts";

/** A session with the argument of `image ACTION`. */
export interface ImageSession extends Session {
  /** Empty for an action without one. */
  readonly what: string;
}

export function locationOf(args: Arguments, { io: host }: Session): StoreLocation {
  return parseStoreLocation(stringOption(args, "store") ?? host.env["OBUILDER_STORE"]);
}

export interface ImageWork {
  readonly tools: ImageTools;
  /** Where the store is. */
  readonly location: StoreLocation;
}

/** Does work on images with a display of its phases, which is taken away however the work ends. */
export async function withPhases<T>(
  args: Arguments,
  session: Session,
  work: (work: ImageWork) => Promise<T>,
): Promise<T> {
  const { io: host, verbosity, color, services: engine } = session;
  const location = locationOf(args, session);
  const flags = readSandboxFlags(args);
  const [colors, logColors] = [host.stdout, host.stderr].map((output) =>
    colorsFor(output, { mode: color, env: host.env }),
  );
  if (!colors || !logColors) throw new TypeError("Each output has colours.");
  using phases = new Phases(host.stdout, { colors, live: isSmartTerminal(host.stdout, host.env) });
  const tools = await engine.imageTools({
    location,
    flags,
    emit: (event) => {
      const line = logLine(event, verbosity, logColors);
      if (line !== undefined) host.stderr.write(line);
    },
  });
  return await work({
    location,
    tools: { ...tools, onEvent: (event) => phases.show(event), signal: host.signal },
  });
}
