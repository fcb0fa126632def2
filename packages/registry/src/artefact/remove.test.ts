import { expect, test } from "vitest";
import { openRegistry } from "../index.ts";
import { FakeRegistry, sendError } from "../testing/fake-registry.ts";
import { idOf, scratch } from "../testing/scratch.ts";

test.each(["keeps the tags of a digest that is deleted", "refuses to delete a tag"])(
  "a layer is removed from a registry that %s",
  async (which) => {
    await using fake = await FakeRegistry.start();
    await using files = await scratch();
    await using registry = openRegistry({ ref: `${fake.host}/ob` });
    await registry.pushLayer({ id: idOf("a"), chain: await files.chain("a") });
    fake.options.intercept = ({ method, url }, response) => {
      const isDigest = url.includes("/manifests/sha256:");
      if (method !== "DELETE" || isDigest !== which.startsWith("keeps")) return false;
      if (!isDigest) sendError(response, 405, "UNSUPPORTED");
      else response.writeHead(202).end();
      return true;
    };
    expect(await registry.removeLayer(idOf("a"))).toBe(true);
    expect(await registry.findLayer(idOf("a"))).toBeUndefined();
    expect(await registry.removeLayer(idOf("a"))).toBe(false);
  },
);
