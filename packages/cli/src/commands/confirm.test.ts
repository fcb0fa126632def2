import { describe, expect, it } from "vitest";
import { obuilder, fakeServices } from "../testing/run.ts";
import { inputOf } from "../testing/terminal.ts";

const store = "--store=qemu:/nowhere";
const spec = "((from debian-12) (run (shell one)) (run (shell two)))";

/** Services whose store holds a base layer and two on top of it; the first of them has a tag. */
async function builtServices() {
  const services = fakeServices();
  const { stdout } = await obuilder(["build", store, "-f", "-", "."], { services, stdin: spec });
  const ids = [...stdout.matchAll(/saved as "([0-9a-f]{64})"/g)].map((match) => match[1] ?? "");
  const [base = "", one = "", two = ""] = ids;
  await obuilder(["tag", store, one, "tools"], { services });
  const left = () => [...services.store.list()].length;
  /** On a terminal where a user types the answer. */
  const asked = async (answer: string, ...words: readonly string[]) => {
    const stdin = Object.assign(inputOf(answer), { isTTY: true });
    return await obuilder([words[0] ?? "", store, ...words.slice(1)], { services, stdin, terminal: true });
  };
  return { services, base, one, two, left, asked };
}

describe.each([["clean"], ["prune", "--keep=0"]])("%s on a terminal", (...words) => {
  it("shows the layers with sizes and ages, and deletes them if the answer is yes", async () => {
    const { asked, left, two } = await builtServices();
    const { stdout } = await asked("y\n", ...words);
    expect(stdout).toMatch(
      new RegExp(
        `^ID +SIZE +USED +STEP\n${two.slice(0, 12)} +0 B +\\d+s .*two.*\nDelete 1 layer, 0 B\\? \\[y/N\\] Removing`,
      ),
    );
    expect(left()).toBe(2);
  });

  it.each(["n\n", "\n", "", "yellow\n"])("deletes nothing if the answer is %j", async (answer) => {
    const { asked, left } = await builtServices();
    const { code, stdout } = await asked(answer, ...words);
    expect([code, left(), stdout]).toEqual([0, 3, expect.stringContaining("Removed 0 layers")]);
  });

  it("does not ask with --force, or if there is nothing to delete", async () => {
    const { asked, left } = await builtServices();
    expect((await asked("", ...words, "--force")).stdout).not.toContain("[y/N]");
    expect(left()).toBe(2);
    expect((await asked("", ...words)).stdout).toBe("Removed 0 layers\n");
  });
});

describe("clean", () => {
  it("only prints what would be deleted with --dry-run, also what has tags with --all", async () => {
    const { services, base, one, two, left } = await builtServices();
    const run = async (...words: readonly string[]) =>
      (await obuilder(["clean", store, ...words], { services })).stdout;
    expect(await run("--dry-run")).toBe(`Would remove ${two}\nWould remove 1 layer\n`);
    const all = `Would remove ${two}\nWould remove ${one}\nWould remove ${base}\nWould remove 3 layers\n`;
    expect(await run("--dry-run", "--all")).toBe(all);
    expect(left()).toBe(3);
    expect(await run("-a")).toBe(`Removing ${two}\nRemoving ${one}\nRemoving ${base}\nRemoved 3 layers\n`);
    expect(services.store.tags()).toEqual([]);
  });
});
