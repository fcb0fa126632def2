import { type LayerId, ObError } from "@ob/core";
import { followLog } from "../logs/follow-log.ts";
import { channels } from "../redis/keys.ts";
import { layerNewsSchema } from "../redis/messages.ts";
import { Bell } from "../redis/news.ts";
import { tryParseJson } from "../redis/parse-json.ts";
import type { ClusterPorts } from "./ports.ts";

/**
 * The log of a layer that another worker makes, until that has published it or given it up; of a published one what
 * Redis still has.
 *
 * @throws ObError `NO_SUCH_LAYER` if nobody makes it and it is not published.
 */
export async function* followElsewhere(
  id: LayerId,
  { ports, signal }: { readonly ports: ClusterPorts; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  const { states, news, archive } = ports;
  const kind = async () => (await states.states([id]))[0]?.kind ?? "absent";
  const isMaking = async () => ["claimed", "made"].includes(await kind());
  const now = await kind();
  if (now === "absent") throw new ObError("NO_SUCH_LAYER", `Nobody makes the layer ${id}.`);
  const { redis } = states;
  if (now === "published") {
    yield* followLog({ redis, id, archive, signal, over: AbortSignal.abort() });
    return;
  }
  const bell = new Bell();
  using listening = new DisposableStack();
  const heard = await news.listen(channels.done, (message) => {
    if (tryParseJson(layerNewsSchema, message)?.id === id) bell.ring();
  });
  listening.use(heard);
  listening.use(news.onBack(() => bell.ring()));
  yield* followLog({ redis, id, archive, signal, isAlive: isMaking });
  const never = new AbortController().signal;
  for (;;) {
    if (signal?.aborted || !(await isMaking())) return;
    await bell.wait(signal ?? never, 1_000);
  }
}
