import { expect, test } from "vitest";
import { connectRedis } from "./index.ts";

test("an address that is none is refused, with the form that one has", async () => {
  await expect(connectRedis({ url: "ftp://x" }, "client")).rejects.toMatchObject({
    code: "USAGE",
    hint: expect.stringContaining("rediss://"),
  });
});
