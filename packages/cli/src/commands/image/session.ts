import type { ImageTools } from "@ob/images";
import { colorsFor, isSmartTerminal } from "../../output/colors.ts";
import type { Output } from "../../process-io.ts";
import { Phases } from "../../progress/image-phases.ts";
import type { Session } from "../session.ts";

/** What `image ACTION` works with. */
export interface ImageSession {
  readonly session: Session;
  /** The action's argument; empty for an action without one. */
  readonly target: string;
}

/** Does work on images with a display of its phases, by default on standard output, which is removed however the work ends. */
export async function withPhases<T>(
  session: Session,
  { output = session.io.stdout }: { readonly output?: Output },
  work: (tools: ImageTools) => Promise<T>,
): Promise<T> {
  const { io, color, services, emit, location, flags } = session;
  const colors = colorsFor(output, { mode: color, env: io.env });
  using phases = new Phases(output, { colors, live: isSmartTerminal(output, io.env) });
  const tools = await services.imageTools({ location, flags, emit });
  return await work({ ...tools, onEvent: (event) => phases.show(event), signal: io.signal });
}
