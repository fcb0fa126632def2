import { parseCast } from "./cast.ts";
import { framesOf } from "./frames.ts";
import { renderSvg } from "./render-svg.ts";

/** How long the last frame is shown before the first comes again, in seconds. */
const end = 2.3;

/** The picture of a recording: the same text for the same recording. */
export async function makeSvg(recording: string, description: string): Promise<string> {
  const cast = parseCast(recording);
  const frames = await framesOf(cast);
  const duration = Number(((cast.events.at(-1)?.time ?? 0) + end).toFixed(1));
  const { columns, rows, title } = cast;
  return renderSvg(frames, { columns, rows, title, description, duration });
}
