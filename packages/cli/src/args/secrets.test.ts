import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { readSecrets } from "./secrets.ts";

async function values(given: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const secrets = await readSecrets(given, env);
  return Object.fromEntries([...secrets].map(([id, value]) => [id, Buffer.from(value).toString()]));
}

test("a secret is a file or a variable, in the original's form and in BuildKit's", async () => {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), "ob-secrets-"));
  const file = path.join(directory.path, "s,1");
  await writeFile(file, "from a file");
  const env = { TOKEN: "from a variable", id: "x" };
  expect(
    await values(
      [
        `a:${file}`,
        `id=b,"src=${file}"`,
        `type=file,id=c,"source=${file}"`,
        "id=d,env=TOKEN",
        "id=e,type=env,src=TOKEN",
        "id=TOKEN",
        `a:/not/read`,
      ],
      env,
    ),
  ).toEqual({
    a: "from a file",
    b: "from a file",
    c: "from a file",
    d: "from a variable",
    e: "from a variable",
    TOKEN: "from a variable",
  });
});

test.each([
  ["token", "--secret takes ID:FILE"],
  ["src=/f", "--secret needs id=ID"],
  ["id=a,env=B,src=/f", "exclude each other"],
  ["id=a,type=vault", "type takes file or env"],
  ["id=a,type=file,env=B", "type=file has no env"],
  ["id=a,evn=B", '--secret has no attribute "evn"'],
])("%s is refused", async (text, message) => {
  await expect(readSecrets([text], {})).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringContaining(message),
  });
});

test("a variable that is not set and a file that cannot be read are errors without a value", async () => {
  await expect(readSecrets(["id=a,env=NOT_SET"], {})).rejects.toMatchObject({
    code: "BAD_SECRET",
    message: 'The secret "a" cannot be read: the variable NOT_SET is not set.',
  });
  await expect(readSecrets(["id=a,src=/missing"], {})).rejects.toMatchObject({ code: "BAD_SECRET" });
});
