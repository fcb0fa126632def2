import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseSpec, toDockerfile } from "@ob/spec";
import { lintSource } from "@ob/spec/editor";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../testing/directory.ts";
import { obuilder } from "../testing/run.ts";

/** Converts a Dockerfile beside `data/`, `src/` and `package.json`. */
async function convert(text: string, ...flags: readonly string[]) {
  await using directory = await temporaryDirectory();
  for (const name of ["data", "src"]) await mkdir(path.join(directory.path, name));
  await writeFile(path.join(directory.path, "package.json"), "{}");
  const file = path.join(directory.path, "Dockerfile");
  await writeFile(file, text);
  const { code, stdout, stderr } = await obuilder(["dockerfile", "--reverse", "-f", file, ...flags]);
  return { code, stdout, stderr: stderr.replaceAll(`${directory.path}/`, "") };
}

/** The operations of a stage after what every stage starts with. */
async function ops(text: string): Promise<string> {
  const { stdout, stderr } = await convert(`FROM base\n${text}`);
  expect(stderr).toBe("");
  expect(parseSpec(stdout).from).toBe("base");
  const start = "((from base)\n (user (uid 0) (gid 0))\n (shell /bin/sh -c)\n";
  return stdout
    .replace(start, "")
    .replace("((from base)\n", "")
    .replace(/\n\)\n$/, "");
}

describe("dockerfile --reverse", () => {
  it("converts stages, commands, copies and settings, with comments", async () => {
    const { code, stdout, stderr } = await convert(String.raw`# syntax=docker/dockerfile:1
# The tools
FROM debian:12 AS tools
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update && \
    # not for the shell
    apt-get install -y "make"

# What is built
FROM debian:12
WORKDIR /src
ENV A="b c" LANG=C.UTF-8
COPY --from=tools /usr/bin/make /usr/local/bin/make
COPY package.json .
USER 1000:1000
RUN --network=none ["make", "all targets"]
CMD ["make"]
`);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining("Dockerfile:16: CMD: is about running a container: left out"),
    });
    expect(stdout).toMatchInlineSnapshot(`
      "; The tools
      ((build tools
              ((from debian:12)
               (user (uid 0) (gid 0))
               (shell /bin/sh -c)
               (run (cache (/var/cache/apt (target /var/cache/apt) (buildkit_options ((sharing locked)))))
                    (network host)
                    (shell "apt-get update &&     \\
                            apt-get install -y \\"make\\""))))
       ; What is built
       (from debian:12)
       (user (uid 0) (gid 0))
       (shell /bin/sh -c)
       (workdir /src)
       (env A "b c")
       (env LANG C.UTF-8)
       (copy (from (build tools)) (src /usr/bin/make) (dst /usr/local/bin/make))
       (copy (src package.json) (dst ./))
       (user (uid 1000) (gid 1000))
       (run (shell "make 'all targets'"))
      )
      "
    `);
    expect(lintSource(stdout)).toEqual([]);
  });

  it("gives the spec back that a Dockerfile was made of", async () => {
    const spec = parseSpec(`((build tools ((from base) (user (uid 0) (gid 0)) (shell /bin/sh -c)
        (run (network host) (shell "make \\"a b\\" && echo é"))))
      (from base:12) (comment text) (user (uid 0) (gid 0)) (shell /bin/bash -c) (workdir /src) (env A "b \\"c\\" d")
      (run (cache (c (target /c) (buildkit_options ((sharing locked)))))
           (network host) (secrets (s (target /s))) (shell make))
      (copy (src a b) (dst /d/)) (copy (src package.json) (dst b)) (copy (from (build tools)) (src /a) (dst /b))
      (user (name opam)) (run (network host) (shell "make all")))`);
    const dockerfile = toDockerfile(spec, { buildkit: true }).replace(
      "COPY a b /d/",
      "COPY package.json x.json /d/",
    );
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, "Dockerfile");
    for (const name of ["package.json", "x.json"]) await writeFile(path.join(directory.path, name), "");
    await writeFile(file, dockerfile);
    const { stdout, stderr } = await obuilder(["dockerfile", "--reverse", "-f", file]);
    expect(stderr).toBe("");
    expect(toDockerfile(parseSpec(stdout), { buildkit: true })).toBe(dockerfile.replace("# text\n", ""));
    expect(stdout).toContain("; text");
  });

  it.each([
    ["COPY . .", "(copy (src .) (dst .))"],
    ["COPY . /src/", "(copy (src .) (dst /src))"],
    ["COPY data /srv/data", "(copy (src data) (dst /srv/data))"],
    ["COPY data /srv/data/", "(copy (src data) (dst /srv/data))"],
    ["COPY data/ ./", "(copy (src data/) (dst .))"],
    ["COPY data /", "(copy (src data) (dst /.))"],
    ["COPY package.json ./", "(copy (src package.json) (dst ./))"],
    ["COPY package.json .", "(copy (src package.json) (dst ./))"],
    [
      "COPY package.json data src /x/",
      "(copy (src package.json) (dst /x/))\n (copy (src data) (dst /x))\n (copy (src src) (dst /x))",
    ],
    ['COPY ["a b", "/c d"]', '(copy (src "a b") (dst "/c d"))'],
    [
      "COPY --chown=1:2 data x",
      "(user (uid 1) (gid 2))\n (copy (src data) (dst x))\n (user (uid 0) (gid 0))",
    ],
  ])("converts %s", async (instruction, expected) => {
    expect(await ops(instruction)).toBe(` ${expected}`);
  });

  it.each([
    ["ADD a b", "ADD: a spec has no ADD"],
    ["ARG A=1", "ARG: a spec has no build arguments"],
    ["ENV A=$B", "ENV: $B is expanded by Docker"],
    ["WORKDIR ${X}/y", "WORKDIR: ${X} is expanded by Docker"],
    ["COPY *.js /x/", "COPY: *.js is a pattern"],
    ["COPY none /x/", "COPY: whether none is a file or a directory is not known"],
    ["COPY --chmod=755 a b", "COPY: a spec has nothing for COPY --chmod"],
    ["COPY --from=alpine /a /b", "COPY: alpine is not an earlier stage"],
    ["COPY --from=0 /a /b", "COPY: 0 is not an earlier stage"],
    ["COPY <<EOF /x\nhello\nEOF", "COPY: a spec has no here-documents"],
    ["RUN <<EOF\nmake\nEOF", "RUN: a spec has no here-documents"],
    ["RUN --mount=type=bind,target=/x make", "RUN: a spec has nothing for RUN --mount=type=bind"],
    ["RUN --mount=type=cache,target=/x,uid=5 make", "RUN: a spec has nothing for the option uid"],
    ["RUN --security=insecure make", "RUN: a spec has nothing for RUN --security"],
    ['WORKDIR "/a b"', "WORKDIR: quotes in paths"],
    ['USER "x"', "USER: a user of a spec has numbers"],
    ['SHELL ["powershell", "-Command"]\nRUN ["a"]', "RUN: words are not quoted here"],
    ["USER 1000", "USER: a user of a spec has numbers for both user and group"],
    ["ONBUILD RUN make", "ONBUILD: a spec has nothing for it"],
    ["FROM base AS x\nFROM x", "FROM: a spec does not start from another build"],
    ["FROM scratch", "FROM: there is no empty base image"],
    ["FROM --platform=linux/arm64 x", "FROM: a spec has nothing for FROM --platform"],
    ["NONSENSE x", "NONSENSE: a spec has nothing for it"],
  ])("refuses %s by its line, and prints nothing", async (instruction, message) => {
    const { code, stdout, stderr } = await convert(`FROM base\n\n${instruction}\n`);
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    const line = /^(?:FROM base AS|SHELL)/.test(instruction) ? 4 : 3;
    expect(stderr).toContain(`Dockerfile:${line}: ${message}`);
  });

  it("names everything that it refuses, and with --strict what it leaves out", async () => {
    const text = "ARG A\nFROM base\nADD a b\nEXPOSE 80\nLABEL a=b\n";
    const { stderr } = await convert(text);
    expect(stderr.match(/^Dockerfile:\d: \w+/gm)).toEqual(["Dockerfile:1: ARG", "Dockerfile:3: ADD"]);
    const strict = await convert("FROM base\nEXPOSE 80\nLABEL a=b\n", "--strict");
    expect(strict).toMatchObject({ code: 4, stdout: "" });
    expect(strict.stderr.match(/^Dockerfile:\d: \w+/gm)).toEqual([
      "Dockerfile:2: EXPOSE",
      "Dockerfile:3: LABEL",
    ]);
    expect((await convert("FROM base\nEXPOSE 80\n")).code).toBe(0);
    expect(await convert("# nothing\n")).toMatchObject({ code: 4, stdout: "" });
    expect((await obuilder(["dockerfile", "--strict", "-f", "-"])).code).toBe(2);
  });

  it("keeps what a command is, whatever its lines and quotes are", async () => {
    const run = async (text: string) => {
      const { stdout } = await convert(`FROM base\nRUN ${text}\n`);
      const [op] = parseSpec(stdout).ops.filter((each) => each.op === "run");
      return op?.command;
    };
    expect(await run('echo "a \\\n   b" \\\n\\\n  # c\n && x')).toBe('echo "a    b"  && x');
    expect(await run(String.raw`echo \n '\\' "\"" $HOME é`)).toBe(String.raw`echo \n '\\' "\"" $HOME é`);
    expect(await run('["a b", "it\'s", "-x"]')).toBe(String.raw`'a b' 'it'\''s' -x`);
    expect(await run('["not json]')).toBe('["not json]');
    expect(await run("make # not a comment \\\n all")).toBe("make # not a comment  all");
  });
});
