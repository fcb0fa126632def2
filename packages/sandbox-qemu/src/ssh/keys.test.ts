import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockedKey, newKey } from "../testing/ssh-server.ts";
import { loginKeys } from "./keys.ts";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "home-"));
  await mkdir(join(home, ".ssh"));
});
afterEach(async () => await rm(home, { recursive: true }));

async function keyFile(name: string, text = newKey().text): Promise<string> {
  const path = join(home, name);
  await writeFile(path, text);
  return path;
}

describe("the keys to log in with", () => {
  it("come from the option, the manifest, the usual files and the agent, in this order", async () => {
    const [option, manifest] = [await keyFile("option"), await keyFile("manifest")];
    const rsa = await keyFile(".ssh/id_rsa");
    const ed = await keyFile(".ssh/id_ed25519");
    const keys = await loginKeys({ option, manifest, home, agent: "/agent.sock" });
    expect(keys.map(({ label }) => label)).toEqual([option, manifest, ed, rsa, "the ssh agent"]);
  });

  it("are none where there is none", async () => {
    await expect(loginKeys({ option: undefined, manifest: undefined, home, agent: "" })).resolves.toEqual([]);
  });

  it("leave out usual files that cannot be used", async () => {
    await keyFile(".ssh/id_rsa", lockedKey());
    await keyFile(".ssh/id_ecdsa", "nonsense");
    await expect(loginKeys({ option: undefined, manifest: undefined, home, agent: "" })).resolves.toEqual([]);
  });

  it("a named key that is missing is an error", async () => {
    const nowhere = join(home, "nowhere");
    const about = { option: undefined, manifest: undefined, home, agent: "" };
    await expect(loginKeys({ ...about, option: nowhere })).rejects.toMatchObject({ code: "USAGE" });
    await expect(loginKeys({ ...about, manifest: nowhere })).rejects.toMatchObject({ code: "BASE_IMAGE" });
  });

  it("a named key with a passphrase points to the agent", async () => {
    const option = await keyFile("locked", lockedKey());
    const keys = loginKeys({ option, manifest: undefined, home, agent: "" });
    await expect(keys).rejects.toMatchObject({ code: "USAGE", hint: expect.stringContaining("agent") });
  });

  it("a named key that is public is an error", async () => {
    const option = await keyFile("key.pub", ssh2.utils.generateKeyPairSync("ed25519").public);
    const keys = loginKeys({ option, manifest: undefined, home, agent: "" });
    await expect(keys).rejects.toThrow("is a public key");
  });
});
