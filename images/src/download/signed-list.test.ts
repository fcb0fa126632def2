import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@ob/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { checksumOf, gpgSignedList, signifyList } from "./signed-list.ts";

let directory: string;
const at = (name: string): string => join(directory, name);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "signed-"));
});
afterEach(() => rm(directory, { recursive: true }));

const options = () => ({ directory: at("work"), what: "the list", signal: undefined });
const sum = "0123456789abcdef".repeat(4);

describe("lists signed with signify", () => {
  async function sign(text: string) {
    await run(["signify-openbsd", "-G", "-n", "-p", at("key.pub"), "-s", at("key.sec")]);
    await writeFile(at("SHA256"), text);
    await run([
      "signify-openbsd",
      "-S",
      "-e",
      "-s",
      at("key.sec"),
      "-m",
      at("SHA256"),
      "-x",
      at("SHA256.sig"),
    ]);
    return { text: await readFile(at("SHA256.sig")), publicKey: await readFile(at("key.pub"), "utf8") };
  }

  test("are read if the signature is valid", async () => {
    const sums = await signifyList(
      await sign(`SHA256 (base79.tgz) = ${sum}\nSHA256 (bsd.rd) = ${sum}\n`),
      options(),
    );
    expect([...sums]).toEqual([
      ["base79.tgz", sum],
      ["bsd.rd", sum],
    ]);
    expect(checksumOf(sums, "bsd.rd", "the list")).toBe(sum);
    expect(() => checksumOf(sums, "bsd.mp", "the list")).toThrow("the list has no bsd.mp.");
  });

  test("are refused if one character was changed, or the key is another one", async () => {
    const { text, publicKey } = await sign(`SHA256 (base79.tgz) = ${sum}\n`);
    const changed = Buffer.from(text.toString().replace("base79", "base78"));
    await expect(signifyList({ text: changed, publicKey }, options())).rejects.toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining("The signature of the list is not valid."),
    });
    await rm(at("key.sec"));
    await rm(at("key.pub"));
    const other = await sign("other");
    await expect(signifyList({ text, publicKey: other.publicKey }, options())).rejects.toMatchObject({
      code: "BASE_IMAGE",
    });
  });
});

describe("lists signed with OpenPGP", () => {
  const gpgOptions = () => ({ ...options(), maxAgeDays: 30 });

  /** Signs a list with a new key, `days` ago. */
  async function sign(text: string, { days = 0 } = {}) {
    const time = Math.floor(Date.now() / 1_000) - days * 86_400;
    const batch = ["--batch", "--quiet", "--pinentry-mode", "loopback"];
    // The mark lets the clock stand: on a slow host the key would otherwise be younger than its signature.
    const gpg = ["gpg", "--homedir", directory, ...batch, "--faked-system-time", `${time}!`] as const;
    await run([
      ...gpg,
      "--passphrase",
      "",
      "--quick-generate-key",
      "test@example.org",
      "ed25519",
      "sign",
      "never",
    ]);
    await writeFile(at("SHA256SUMS"), text);
    await run([...gpg, "--detach-sign", "--output", at("SHA256SUMS.gpg"), at("SHA256SUMS")]);
    await run([...gpg, "--export", "--output", at("keyring.gpg")]);
    await run(["gpgconf", "--homedir", directory, "--kill", "all"]);
    const [list, signature] = await Promise.all([readFile(at("SHA256SUMS")), readFile(at("SHA256SUMS.gpg"))]);
    return { text: list, signature, keyring: at("keyring.gpg") };
  }

  test("are read if the signature is valid, and refused otherwise", async () => {
    const list = await sign(`${sum} *noble-server-cloudimg-amd64.img\n${sum}  other.img\nno line\n`);
    expect([...(await gpgSignedList(list, gpgOptions())).keys()]).toEqual([
      "noble-server-cloudimg-amd64.img",
      "other.img",
    ]);
    const text = Buffer.from(list.text.toString().replace("amd64", "arm64"));
    await expect(gpgSignedList({ ...list, text }, gpgOptions())).rejects.toMatchObject({
      code: "BASE_IMAGE",
    });
  });

  test("are refused if the signature is valid, but old: a mirror may serve an old list forever", async () => {
    const list = await sign(`${sum} *noble-server-cloudimg-amd64.img\n`, { days: 31 });
    await expect(gpgSignedList(list, gpgOptions())).rejects.toMatchObject({
      code: "BASE_IMAGE",
      message: "The signature of the list is 31 days old; at most 30 days are accepted.",
    });
    expect((await gpgSignedList(list, { ...gpgOptions(), maxAgeDays: 32 })).size).toBe(1);
  });

  test("are refused if the signature is from the future: the host's clock would take old lists for new ones", async () => {
    const list = await sign(`${sum} *noble-server-cloudimg-amd64.img\n`);
    vi.useFakeTimers({ now: Date.now() - 40 * 86_400_000, toFake: ["Date"] });
    try {
      await expect(gpgSignedList(list, gpgOptions())).rejects.toMatchObject({
        message: expect.stringMatching(/^The signature of the list is from 4\d days in the future/),
      });
    } finally {
      vi.useRealTimers();
    }
  });
});
