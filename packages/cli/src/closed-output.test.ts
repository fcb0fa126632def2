import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";

const script = path.join(import.meta.dirname, "closed-output-child.test.helper.ts");
const spec = "((from debian-12) (run (shell one)) (run (shell two)))";

/** Runs the command as `| head -1` would: after its first output nobody reads any more. */
async function unread(...words: readonly string[]) {
  const node = ["--conditions=@ob/source", "--experimental-strip-types", "--no-warnings"];
  const child = spawn(process.execPath, [...node, script, ...words], { stdio: "pipe" });
  child.stdin.on("error", () => undefined).end(spec);
  child.stdout.once("data", () => child.stdout.destroy());
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  return { code, stderr };
}

const build = ["build", "--store=qemu:/nowhere", "-f", "-", "."];

it.each(["plain", "json", "tty"])(
  "a build goes on when nobody reads its %s output any more",
  async (mode) => {
    const { code, stderr } = await unread(...build, `--progress=${mode}`);
    expect([code, stderr]).toEqual([0, "layers: 3, builds: succeeded\n"]);
  },
);

it("an archive that nobody reads any more is not written: that ends quietly, as by SIGPIPE", async () => {
  const { code, stderr } = await unread(...build, "--output", "type=tar,src=/,dest=-");
  expect([code, stderr.split("\n").at(-2)]).toEqual([141, "layers: 3, builds: succeeded"]);
});
