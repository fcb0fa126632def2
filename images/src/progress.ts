/** What the making of an image tells those who watch. */
export type ImageEvent =
  | { readonly type: "phase-started"; readonly phase: string }
  | { readonly type: "phase-finished"; readonly phase: string; readonly milliseconds: number };

export type OnImageEvent = (event: ImageEvent) => void;

/** Runs one phase of the work between its two events. A phase that fails has no second. */
export async function inPhase<T>(
  phase: string,
  { onEvent }: { readonly onEvent: OnImageEvent },
  work: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  onEvent({ type: "phase-started", phase });
  const result = await work();
  onEvent({ type: "phase-finished", phase, milliseconds: performance.now() - start });
  return result;
}
