import { ObError } from "@ob/core";
import { expect, test } from "vitest";
import { gate, until } from "../builds.test.helper.ts";
import { BuildLog } from "./step-log.ts";

/** A log over a store that keeps what is written, in pieces of its own size. */
function log(read?: (stored: () => string) => AsyncIterable<Uint8Array>) {
  let stored = "";
  const build = new BuildLog(read ? () => read(() => stored) : () => pieces(stored));
  const write = (text: string) => {
    stored += text;
    void build.write(Buffer.from(text));
  };
  const follow = () => {
    let got = "";
    const follower = build.follow((bytes) => {
      got += Buffer.from(bytes).toString();
    });
    return { ...follower, got: () => got };
  };
  const restart = () => {
    stored = "";
    build.restart();
  };
  return { write, follow, restart };
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < text.length; start += 3) yield Buffer.from(text.slice(start, start + 3));
}

/** A log over a store that cannot read it. */
function failing(code: "NO_SUCH_LAYER" | "STORE") {
  return log(() => ({
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new ObError(code, "no")) }),
  }));
}

test("a follower from the start gets all of it", () => {
  const { write, follow } = log();
  const follower = follow();
  write("a");
  write("b");
  expect(follower.got()).toBe("ab");
});

test("a late follower gets the start too, once, and in order", async () => {
  const { opened, open } = gate();
  const { write, follow } = log(async function* (stored) {
    await opened;
    // By now more has been stored than was missed.
    yield* pieces(stored());
  });
  write("start ");
  const late = follow();
  write("middle ");
  open();
  await late.caughtUp;
  write("end");
  expect(late.got()).toBe("start middle end");
});

test("a restarted log is not mixed with the one before", async () => {
  const { write, follow, restart } = log();
  const early = follow();
  write("another's ");
  restart();
  write("own");
  const late = follow();
  await late.caughtUp;
  expect([early.got(), late.got()]).toEqual(["another's own", "own"]);
});

test("no follower is called after stop, not even with the start", async () => {
  const { opened, open } = gate();
  let reading = false;
  const { write, follow } = log(async function* (stored) {
    reading = true;
    await opened;
    yield* pieces(stored());
  });
  write("start");
  const late = follow();
  await until(() => reading);
  late.stop();
  write("more");
  open();
  await late.caughtUp;
  expect(late.got()).toBe("");
});

test("a start that is gone is skipped, one that cannot be read is an error", async () => {
  const gone = failing("NO_SUCH_LAYER");
  gone.write("start");
  const late = gone.follow();
  await late.caughtUp;
  gone.write("end");
  expect(late.got()).toBe("end");
  const broken = failing("STORE");
  broken.write("start");
  await expect(broken.follow().caughtUp).rejects.toMatchObject({ code: "STORE" });
});

test("a follower that is full holds up what is written, until it takes more or stops", async () => {
  const { opened, open } = gate();
  let full: Promise<void> | undefined = opened;
  const build = new BuildLog(() => pieces(""));
  const follower = build.follow(() => full);
  const quick = build.follow(() => undefined);
  let taken = false;
  const first = build.write(Buffer.from("a"))?.then(() => (taken = true));
  await Promise.resolve();
  expect(taken).toBe(false);
  open();
  await first;
  full = new Promise(() => undefined);
  const second = build.write(Buffer.from("b"));
  follower.stop();
  await second;
  expect(build.write(Buffer.from("c"))).toBeUndefined();
  quick.stop();
});

test("a late follower that is slow gets all that is written meanwhile from the store", async () => {
  let stored = "start ";
  const build = new BuildLog(() => pieces(stored));
  void build.write(Buffer.from(stored));
  let got = "";
  const late = build.follow(async (bytes) => {
    got += Buffer.from(bytes).toString();
    if (stored.length > 5_000) return;
    stored += "more ";
    // Nobody waits for a follower that reads from the store.
    expect(build.write(Buffer.from("more "))).toBeUndefined();
    await Promise.resolve();
  });
  await late.caughtUp;
  expect(got).toBe(stored);
});
