import { atom, type CaseSubject, expectLines, type LifeCycleCase, runOp } from "../case.ts";

/** The id of the secret that the check gives. */
export const secretId = "check";

const targets = { one: "cache-one", two: "cache-two", inner: "cache-one/inner" } as const;
type CacheName = keyof typeof targets;

export function cacheCases({ paths, nonce }: CaseSubject): readonly LifeCycleCase[] {
  const mounts = (names: readonly CacheName[]): string =>
    `(cache ${names.map((name) => `(${name} (target ${atom(paths.inSpec(targets[name]))}))`).join(" ")})`;
  const file = (name: CacheName): string => `"${paths.inCommand(targets[name])}/mark"`;
  const write = (name: CacheName): string => `echo ${name} ${nonce} >${file(name)} && echo wrote ${name}`;
  return [
    {
      name: "a new cache is made, mounted, and writable for the user",
      ops: [runOp([write("one")], mounts(["one"]))],
      fault: expectLines("wrote one"),
    },
    {
      name: "caches keep their contents, several are mounted at once, one inside another, and nothing of them is in the layers",
      ops: [
        runOp([`cat ${file("one")}`, write("two"), write("inner")], mounts(["inner", "two", "one"])),
        runOp(
          [`cat ${file("one")}`, `cat ${file("two")}`, `cat ${file("inner")}`],
          mounts(["two", "one", "inner"]),
        ),
      ],
      script: [
        ...Object.values(targets).map(
          (target) => `if test -e "${paths.inCommand(target)}/mark"; then echo "it is there"; exit 1; fi`,
        ),
        "echo not in the layer",
      ],
      fault: expectLines(`one ${nonce}`, `two ${nonce}`, `inner ${nonce}`, "not in the layer"),
    },
  ];
}

export function secretCase({ paths, nonce }: CaseSubject): LifeCycleCase {
  const target = paths.inSpec("secrets/token");
  const file = paths.inCommand("secrets/token");
  return {
    name: "a secret is readable in its step, and gone in the next",
    ops: [
      // The secret itself must not get into the log: it is the nonce twice.
      runOp(
        [`test "$(cat "${file}")" = "${nonce}${nonce}" && echo readable`],
        `(secrets (${secretId} (target ${atom(target)})))`,
      ),
    ],
    script: [`if test -e "${file}"; then echo still there; exit 1; fi`, `echo gone`],
    fault: expectLines("readable", "gone"),
  };
}
