import { atom, type CaseSubject, expectLines, type LifeCycleCase, runOp } from "../case.ts";

const plain = "(shell /bin/sh -c) (workdir /)";

/** The id of the secret that the check gives. */
export const secretId = "check";

/** Cache disks. */
export function cacheCases({ paths, nonce }: CaseSubject): readonly LifeCycleCase[] {
  const targets = { one: "cache-one", two: "cache-two", inner: "cache-one/inner" };
  const mounts = (names: readonly (keyof typeof targets)[]): string =>
    `(cache ${names.map((name) => `(${name} (target ${atom(paths.inSpec(targets[name]))}))`).join(" ")})`;
  const file = (name: keyof typeof targets): string => `"${paths.inCommand(targets[name])}/mark"`;
  const write = (name: keyof typeof targets): string =>
    `echo ${name} ${nonce} >${file(name)} && echo wrote ${name}`;
  return [
    {
      name: "a new cache is made, mounted, and writable for the user",
      ops: [plain, runOp([write("one")], mounts(["one"]))],
      fault: expectLines("wrote one"),
    },
    {
      name: "a cache keeps its contents for the next step, and is not part of the layer",
      ops: [
        plain,
        runOp([`cat ${file("one")}`], mounts(["one"])),
        runOp([`if test -e ${file("one")}; then echo in the layer; exit 1; fi`, `echo not in the layer`]),
      ],
      fault: expectLines(`one ${nonce}`, "not in the layer"),
    },
    {
      name: "several caches, one inside another, are mounted at once, each at its own target",
      ops: [
        plain,
        runOp([write("two"), write("inner")], mounts(["inner", "two", "one"])),
        runOp(
          [`cat ${file("one")}`, `cat ${file("two")}`, `cat ${file("inner")}`],
          mounts(["two", "one", "inner"]),
        ),
      ],
      fault: expectLines(`one ${nonce}`, `two ${nonce}`, `inner ${nonce}`),
    },
  ];
}

/** What a step can read that no layer has. */
export function secretCase({ paths, nonce, loginUser }: CaseSubject): LifeCycleCase {
  const target = paths.inSpec("secrets/token");
  const file = paths.inCommand("secrets/token");
  return {
    name: "a secret is readable in its step, and gone in the next",
    ops: [
      plain,
      `(user (name ${atom(loginUser)}))`,
      // The secret itself must not get into the log: it is the nonce twice.
      runOp(
        [`test "$(cat "${file}")" = "${nonce}${nonce}" && echo readable`],
        `(secrets (${secretId} (target ${atom(target)})))`,
      ),
      runOp([`if test -e "${file}"; then echo still there; exit 1; fi`, `echo gone`]),
    ],
    fault: expectLines("readable", "gone"),
  };
}
