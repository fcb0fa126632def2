import { layerId, sha256 } from "@ob/core";
import { expect, test } from "vitest";
import {
  copyFromStepId,
  copyStepId,
  healthcheckId,
  renewedStepId,
  type RunInputs,
  runStepId,
} from "./step-id.ts";

const windows = layerId("dce4336e183de81da7537728ed710f2906e9f75431694d9de80b95a9d9ff1101");
const base = layerId(sha256("base"));
const root = { uid: 0, gid: 0 };

const run: RunInputs = {
  base,
  workdir: "/",
  user: undefined,
  environment: [],
  command: "make",
  shell: [],
  network: [],
  secrets: [],
};

test("the published anchor of a base image and a run", () => {
  expect(sha256("windows-server-2022-x86_64-ocaml-4.14")).toBe(windows);
  const id = runStepId({
    ...run,
    base: windows,
    command: "opam install tar",
    shell: ["/usr/bin/env", "bash", "-c"],
  });
  expect(id).toBe("8a897f21e54db877fc971c757ef7ffc2e1293e191dc60c3a18f24f0d3f0926f3");
});

test("a run is the digest of its machine form", () => {
  const id = runStepId({
    base,
    workdir: "/a b",
    user: { name: "opam" },
    environment: [
      ["B", "2"],
      ["A", "1"],
    ],
    command: "make ü",
    shell: ["sh", "-c"],
    network: ["host", "other"],
    secrets: [
      { value: "first\n", target: "/1" },
      { value: "\uDCFF", target: "/2" },
    ],
  });
  expect(id).toBe(
    sha256(
      `((base ${base})(workdir"/a b")(user((name opam)))(env((B 2)(A 1)))(cmd"make \\195\\188")(shell(sh -c))` +
        `(network(host other))(mount_secrets(((value"\\255")(target /2))((value"first\\n")(target /1)))))`,
    ),
  );
});

test("an explicit run as root has another id than one by the login user", () => {
  const withUser = (user: string) =>
    `((base ${base})(workdir /)(user(${user}))(env())(cmd make)(shell())(network())(mount_secrets())`;
  expect(runStepId({ ...run, user: root })).toBe(
    sha256(`${withUser("(uid 0)(gid 0)")}(explicit_user true))`),
  );
  expect(runStepId(run)).toBe(sha256(`${withUser("(uid 0)(gid 0)")})`));
  for (const user of [
    { uid: 0, gid: 1 },
    { uid: 1, gid: 0 },
  ]) {
    const id = sha256(`${withUser(`(uid ${user.uid})(gid ${user.gid})`)})`);
    expect(runStepId({ ...run, user })).toBe(id);
  }
});

test("a restart is in the id only where it is allowed", () => {
  const text = `((base ${base})(workdir /)(user((uid 0)(gid 0)))(env())(cmd make)(shell())(network())(mount_secrets())`;
  expect(runStepId({ ...run, mayRestart: false })).toBe(sha256(`${text})`));
  expect(runStepId({ ...run, mayRestart: true })).toBe(sha256(`${text}(restart allowed))`));
});

test("every input of a run changes its id", () => {
  const others: readonly Partial<RunInputs>[] = [
    { base: windows },
    { workdir: "/src" },
    { user: { uid: 1, gid: 0 } },
    { environment: [["A", "1"]] },
    { command: "make all" },
    { shell: ["sh"] },
    { network: ["host"] },
    { secrets: [{ value: "", target: "/x" }] },
    { mayRestart: true },
  ];
  const ids = [run, ...others.map((other) => ({ ...run, ...other }))].map(runStepId);
  expect(new Set(ids).size).toBe(others.length + 1);
});

test("a healthcheck is never a step of a build, nor of another healthcheck", () => {
  expect(new Set([runStepId(run), healthcheckId(run, "1"), healthcheckId(run, "2")]).size).toBe(3);
  const text = `((base ${base})(workdir /)(user((uid 0)(gid 0)))(env())(cmd make)(shell())(network())(mount_secrets())`;
  expect(healthcheckId(run, "1")).toBe(sha256(`${text}(healthcheck 1))`));
});

test("a step that is run anew has an id of the step's and the nonce", () => {
  expect(renewedStepId(base, "1")).toBe(sha256(`((renewed ${base})(nonce 1))`));
});

test("a copy into a directory has a list of items, a copy to a name has one", () => {
  const file = { kind: "file", path: "a b", sha256: sha256("x") } as const;
  const link = { kind: "symlink", path: "l", target: "../x" } as const;
  const tree = {
    kind: "directory",
    path: "",
    entries: [file, { kind: "directory", path: "e", entries: [] }],
  } as const;
  const form = (op: string) => sha256(`((base ${base})(user((uid 0)(gid 0)))(op${op}))`);
  const ofFile = `(File("a b"${sha256("x")}))`;
  const inputs = { base, user: undefined };
  expect(copyStepId({ ...inputs, manifests: [file, link], destination: "/d/" })).toBe(
    form(`(Copy_items((${ofFile}(Symlink(l ../x)))/d/))`),
  );
  expect(copyStepId({ ...inputs, manifests: [tree], destination: "/d" })).toBe(
    form(`(Copy_item((Dir(""(${ofFile}(Dir(e())))))/d))`),
  );
});

test("an explicit copy for root has an id of its own", () => {
  const inputs = {
    base,
    manifests: [{ kind: "symlink", path: "l", target: "x" }],
    destination: "/d",
  } as const;
  expect(copyStepId({ ...inputs, user: root })).toBe(
    sha256(`((base ${base})(user((uid 0)(gid 0)))(op(Copy_item((Symlink(l x))/d)))(explicit_user true))`),
  );
  expect(copyStepId({ ...inputs, user: undefined })).toBe(
    sha256(`((base ${base})(user((uid 0)(gid 0)))(op(Copy_item((Symlink(l x))/d))))`),
  );
  expect(copyStepId({ ...inputs, user: { uid: 5, gid: 6 } })).toBe(
    sha256(`((base ${base})(user((uid 5)(gid 6)))(op(Copy_item((Symlink(l x))/d))))`),
  );
});

test("a copy from a build is the digest of its source's id and its arguments only", () => {
  const inputs = {
    base,
    user: undefined,
    source: windows,
    paths: ["/a b", "/c/"],
    destination: "/opt/",
    exclude: [".git"],
  };
  const fields = `((base ${base})(user((uid 0)(gid 0)))(op(Copy_from(${windows}("/a b"/c/)/opt/(.git)))))`;
  expect(copyFromStepId(inputs)).toBe(sha256(fields));
  expect(copyFromStepId({ ...inputs, user: root })).toBe(copyFromStepId(inputs));
  const others = [
    { ...inputs, source: base },
    { ...inputs, base: windows },
    { ...inputs, user: { uid: 1, gid: 0 } },
    { ...inputs, paths: ["/a b"] },
    { ...inputs, destination: "/opt" },
    { ...inputs, exclude: [] },
  ].map(copyFromStepId);
  expect(new Set([copyFromStepId(inputs), ...others]).size).toBe(7);
});
