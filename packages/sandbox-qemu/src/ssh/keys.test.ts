import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockedKey, newKey } from "../testing/ssh-server.ts";
import { type KeySources, loginKeys } from "./keys.ts";

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
  const labels = async (sources: Partial<KeySources>): Promise<readonly string[]> => {
    const found = await loginKeys({ option: undefined, manifest: undefined, home, agent: "", ...sources });
    return found.keys.map(({ label }) => label);
  };

  it("are only the image's own if its manifest names one", async () => {
    const [option, manifest] = [await keyFile("option"), await keyFile("manifest")];
    await keyFile(".ssh/id_rsa");
    const sources = { manifest, agent: "/agent.sock" };
    await expect(labels(sources)).resolves.toEqual([manifest]);
    await expect(labels({ ...sources, option })).resolves.toEqual([manifest]);
  });

  it("are only the option's if the image names none", async () => {
    const option = await keyFile("option");
    await keyFile(".ssh/id_rsa");
    await expect(labels({ option, agent: "/agent.sock" })).resolves.toEqual([option]);
  });

  it("are the default files and the agent's if none is named", async () => {
    const rsa = await keyFile(".ssh/id_rsa");
    const ed = await keyFile(".ssh/id_ed25519");
    await expect(labels({ agent: "/agent.sock" })).resolves.toEqual([ed, rsa, "the SSH agent"]);
  });

  it("are marked as named or not", async () => {
    const [named, usual] = [await keyFile("option"), await keyFile(".ssh/id_rsa")];
    const about = { manifest: undefined, home, agent: "" };
    await expect(loginKeys({ ...about, option: named })).resolves.toMatchObject({ named: true });
    await expect(loginKeys({ ...about, option: undefined })).resolves.toMatchObject({
      named: false,
      keys: [{ label: usual }],
    });
  });

  it("are an empty list if there are none", async () => {
    await expect(labels({})).resolves.toEqual([]);
  });

  it("leave out default files that cannot be used", async () => {
    await keyFile(".ssh/id_rsa", lockedKey());
    await keyFile(".ssh/id_ecdsa", "nonsense");
    await expect(labels({})).resolves.toEqual([]);
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
