import type { CheckRequest, ImageEvent } from "@ob/images";
import { describeSpeed } from "../../output/image-speed.ts";
import { jsonLine } from "../../output/printable.ts";
import type { Session } from "../session.ts";
import { withPhases } from "./session.ts";

/** Checks an image, with its phases on standard error, and prints what was found as one object. */
export async function checkAsJson(request: CheckRequest, session: Session): Promise<void> {
  const { io } = session;
  const events: ImageEvent[] = [];
  await withPhases(session, { output: io.stderr }, async (tools) => {
    const { checkStoredImage } = await import("@ob/images");
    const onEvent = (event: ImageEvent): void => {
      events.push(event);
      tools.onEvent?.(event);
    };
    await checkStoredImage(request, { ...tools, onEvent });
  });
  const checks = events.flatMap((event) => {
    if (event.type !== "check") return [];
    const { what, outcome, detail } = event;
    return [{ what, outcome, detail }];
  });
  const [speed] = events.flatMap((event) => (event.type === "speed" ? [event.speed] : []));
  const told = speed && { first: speed.first, further: speed.further, more: describeSpeed(speed).more };
  io.stdout.write(`${jsonLine({ image: request.image, passed: true, checks, speed: told })}\n`);
}
