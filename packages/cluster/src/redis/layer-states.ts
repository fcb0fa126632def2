import type { LayerId } from "@ob/core";
import type { Redis } from "ioredis";
import * as v from "valibot";
import { fatalAttempts, timing } from "../timing.ts";
import { type ClaimResult, toClaimResult } from "./claim-result.ts";
import { channels, keys } from "./keys.ts";
import { type FailureRecord, failureSchema } from "./messages.ts";
import { tryParseJson } from "./parse-json.ts";
import { runScript, script } from "./run-script.ts";
import * as texts from "./scripts.generated.ts";

const scripts = {
  claim: script(texts.claim),
  commit: script(texts.commit),
  publish: script(texts.publish),
  adopt: script(texts.adopt),
  forget: script(texts.forget),
  renew: script(texts.renew),
  release: script(texts.release),
  fail: script(texts.fail),
  unwant: script(texts.unwant),
};

/** How a layer stands now. */
export type LayerState =
  | { readonly kind: "absent"; readonly failure: FailureRecord | undefined }
  | { readonly kind: "claimed" | "made" }
  | { readonly kind: "published"; readonly digest: string };

const digestSchema = v.nullable(v.string());

/**
 * What happens to layers, each as one command of Redis, so that of all workers one makes a layer and one publishes it.
 * An owner is `WORKER TOKEN`.
 */
export class LayerStates {
  readonly redis: Redis;

  constructor(redis: Redis) {
    this.redis = redis;
  }

  /**
   * Claims a layer that some build wants.
   *
   * @param since a failure from after that time is not tried again, in milliseconds by the clock of Redis; by default all are.
   */
  async claim(id: LayerId, owner: string, since = Number.MAX_SAFE_INTEGER): Promise<ClaimResult> {
    const args = [owner, timing.claim, timing.running, fatalAttempts, channels.done, since, id];
    return toClaimResult(await runScript(this.redis, scripts.claim, { keys: claimKeys(id), args }));
  }

  /**
   * Says that the owner has made the layer, and claims the next one if there is one.
   *
   * @returns undefined if the claim was lost: the layer must be dropped. Otherwise what became of the next one.
   */
  async commit(
    id: LayerId,
    owner: string,
    { next, since = Number.MAX_SAFE_INTEGER }: CommitOptions = {},
  ): Promise<{ readonly next: ClaimResult | undefined } | undefined> {
    const own = [keys.claim(id), keys.layer(id), keys.attempts(id)];
    const args = [owner, timing.claim, timing.running, fatalAttempts, channels.done, since, id, next ?? ""];
    const input = { keys: [...own, ...(next === undefined ? [] : claimKeys(next))], args };
    const [state, ...rest] = v.parse(v.array(v.string()), await runScript(this.redis, scripts.commit, input));
    if (state !== "made") return undefined;
    return { next: rest.length === 0 ? undefined : toClaimResult(rest) };
  }

  /**
   * Says that others can fetch the layer.
   *
   * @returns `lost` if the claim was lost, `mixed` if another version of the parent was published: drop the layer then.
   */
  async publish(
    id: LayerId,
    owner: string,
    { digest, parent }: PublishedLayer,
  ): Promise<"published" | "lost" | "mixed"> {
    const input = {
      keys: [keys.claim(id), keys.layer(id), ...(parent ? [keys.layer(parent.id)] : [])],
      args: [owner, timing.published, channels.done, id, digest, timing.claim, parent?.digest ?? ""],
    };
    const answer = await runScript(this.redis, scripts.publish, input);
    return v.parse(v.picklist(["published", "lost", "mixed"]), answer);
  }

  /** Remembers that the registry has the layer. @returns the digest that counts, or undefined if it is being made. */
  async adopt(id: LayerId, digest: string): Promise<string | undefined> {
    const input = { keys: [keys.claim(id), keys.layer(id)], args: [timing.published, digest] };
    return v.parse(digestSchema, await runScript(this.redis, scripts.adopt, input)) ?? undefined;
  }

  /** Forgets a published layer that the registry no longer has. */
  async forget(id: LayerId, digest: string): Promise<void> {
    await runScript(this.redis, scripts.forget, {
      keys: [keys.layer(id)],
      args: [digest, channels.done, id],
    });
  }

  /** Renews claims. @returns those that another owner has, or that were published. */
  async renew<Claim extends { readonly id: LayerId; readonly owner: string }>(
    claims: readonly Claim[],
  ): Promise<readonly Claim[]> {
    if (claims.length === 0) return [];
    const input = {
      keys: claims.flatMap(({ id }) => [keys.claim(id), keys.layer(id)]),
      args: [timing.claim, ...claims.map(({ owner }) => owner)],
    };
    const lost = new Set(v.parse(v.array(v.number()), await runScript(this.redis, scripts.renew, input)));
    return claims.filter((_, index) => lost.has(index));
  }

  /**
   * Gives a layer up, also one that was made and not published.
   *
   * @param attempt what becomes of the attempt: it `counts` if the worker could not bear it.
   */
  async release(id: LayerId, owner: string, attempt: "forgotten" | "counts" = "forgotten"): Promise<void> {
    const input = {
      keys: [keys.claim(id), keys.layer(id), keys.attempts(id)],
      args: [owner, channels.done, id, attempt],
    };
    await runScript(this.redis, scripts.release, input);
  }

  /** Makes engines look at a layer that a worker could not go on with. */
  async announceAbsent(id: LayerId | undefined): Promise<void> {
    if (id === undefined) return;
    const news = { v: 1, id, state: "absent", worker: "" };
    await this.redis.publish(channels.done, JSON.stringify(news));
  }

  /** Says that the step has failed, for all builds that want it. */
  async fail(id: LayerId, owner: string, record: FailureRecord): Promise<void> {
    const input = {
      keys: [keys.claim(id), keys.attempts(id), keys.failure(id)],
      args: [owner, channels.done, id, timing.running, JSON.stringify(record)],
    };
    await runScript(this.redis, scripts.fail, input);
  }

  /** Notes that a build wants layers. */
  async want(ids: readonly LayerId[], build: string): Promise<void> {
    const pipeline = this.redis.pipeline();
    for (const id of ids) pipeline.sadd(keys.wants(id), build).pexpire(keys.wants(id), timing.running);
    await execute(pipeline);
  }

  /** Takes wishes back. Workers that make what nobody wants any more are told to stop. */
  async unwant(ids: readonly LayerId[], build: string): Promise<void> {
    // A script occupies the server: a few hundred layers at a time.
    for (let start = 0; start < ids.length; start += 500) {
      const some = ids.slice(start, start + 500);
      const input = {
        keys: some.flatMap((id) => [keys.wants(id), keys.claim(id)]),
        args: [build, channels.workerPrefix, ...some],
      };
      await runScript(this.redis, scripts.unwant, input);
    }
  }

  /** How layers stand, in the order of the ids. */
  async states(ids: readonly LayerId[]): Promise<readonly LayerState[]> {
    if (ids.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const id of ids) {
      pipeline.hmget(keys.layer(id), "state", "digest").get(keys.claim(id)).get(keys.failure(id));
    }
    const answers = await execute(pipeline);
    return ids.map((_, index) => toState(answers.slice(3 * index, 3 * index + 3)));
  }

  /** The time by the clock of Redis, in milliseconds. */
  async now(): Promise<number> {
    const [seconds = 0, microseconds = 0] = (await this.redis.time()).map(Number);
    return seconds * 1_000 + Math.floor(microseconds / 1_000);
  }
}

export interface CommitOptions {
  /** The layer to claim in the same command. */
  readonly next?: LayerId | undefined;
  /** See `LayerStates.claim`. */
  readonly since?: number | undefined;
}

/** A layer that was pushed. */
export interface PublishedLayer {
  readonly digest: string;
  /** The layer that it is based on, and the version of it. */
  readonly parent: { readonly id: LayerId; readonly digest: string } | undefined;
}

function claimKeys(id: LayerId): readonly string[] {
  const { claim, layer, wants, attempts, failure, log, archived } = keys;
  return [claim, layer, wants, attempts, failure, log, archived].map((key) => key(id));
}

const stateSchema = v.tuple([
  v.tuple([v.nullable(v.picklist(["made", "published"])), v.nullable(v.string())]),
  v.nullable(v.string()),
  v.nullable(v.string()),
]);

function toState(answer: readonly unknown[]): LayerState {
  const [[state, digest], holder, failure] = v.parse(stateSchema, answer);
  if (state === "published" && digest !== null) return { kind: "published", digest };
  if (holder !== null) return { kind: state === "made" ? "made" : "claimed" };
  return { kind: "absent", failure: tryParseJson(failureSchema, failure) };
}

/** The answers of a pipeline. @throws the first error of its commands. */
async function execute(pipeline: ReturnType<Redis["pipeline"]>): Promise<readonly unknown[]> {
  const answers = (await pipeline.exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
}
