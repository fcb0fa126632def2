import { atom, type CaseSubject, expectLines, type LifeCycleCase, runOp } from "../case.ts";
import { copiedNames } from "../source-tree.ts";

/** Copies into a guest. What has arrived is compared on the host afterwards, too: see `compareCopies`. */
export function copyCases(subject: CaseSubject): readonly LifeCycleCase[] {
  const { paths } = subject;
  const at = (name: string): string => paths.inCommand(`small/${name}`);
  const { executable, blanks } = copiedNames;
  return [
    {
      name: "a small tree is copied (through SSH), and an executable file is executable",
      tree: "small",
      ops: [`(copy (src small) (dst ${atom(paths.inSpec("small"))}))`],
      script: [`cat "${at(blanks)}"`, `"${at(executable)}"`],
      fault: expectLines("the file with blanks", "the script ran"),
    },
    {
      name: "a copy to a destination with a slash goes into that directory",
      ops: [`(copy (src small/${copiedNames.plain}) (dst ${atom(`${paths.inSpec("into")}/`)}))`],
      script: [`cat "${paths.inCommand(`into/${copiedNames.plain}`)}"`],
      fault: expectLines("the plain file"),
    },
    {
      name: "a name with non-ASCII characters is copied",
      tree: "foreign",
      ops: [`(copy (src foreign) (dst ${atom(paths.inSpec("foreign"))}))`],
      script: [`cat "${paths.inCommand(`foreign/${copiedNames.foreign}`)}"`],
      fault: expectLines("the foreign file"),
    },
    {
      name: "a large file is copied (as a disk, where the guest can)",
      tree: "large",
      ops: [`(copy (src large) (dst ${atom(paths.inSpec("large"))}))`],
      script: [`wc -c <"${paths.inCommand(`large/${copiedNames.large}`)}"`],
      fault: ({ text }) =>
        text.trim() === String(copiedNames.largeBytes) ? undefined : "It has another size in the guest.",
    },
    copyFromBuild(subject),
  ];
}

function copyFromBuild({ image, paths, nonce }: CaseSubject): LifeCycleCase {
  const made = paths.inSpec("made");
  const inMade = (name: string): string => paths.inCommand(`made/${name}`);
  const make = runOp([
    `mkdir -p "${inMade("sub")}"`,
    `echo ${nonce} >"${inMade("sub/with blank")}"`,
    `: >"${inMade("empty")}"`,
  ]);
  return {
    name: "files are copied from a nested build",
    builds: [`(build made ((from ${atom(image)}) ${asRoot} (shell /bin/sh -c) ${make}))`],
    ops: [`(copy (from (build made)) (src ${atom(made)}) (dst ${atom(paths.inSpec("from-build"))}))`],
    script: [
      `cat "${paths.inCommand("from-build/sub/with blank")}"`,
      `test -f "${paths.inCommand("from-build/empty")}" && echo empty`,
    ],
    fault: expectLines(nonce, "empty"),
  };
}

const asRoot = "(user (uid 0) (gid 0))";
