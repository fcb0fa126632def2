import {
  atom,
  type CaseGroup,
  type CaseSubject,
  expectLines,
  type LifeCycleCase,
  plainSetting,
  runOp,
} from "../case.ts";
import { clockCase, surroundingsCase } from "./machine.ts";
import { lookupCase, unreachableCase } from "./network.ts";

/** Every printable character that some shell, sshd or program has once taken for its own, without the single quote. */
const special = `a  b $HOME \${x} \`x\` "q" %PATH% ^ & | < > ( ) * ? ~ # ; = \\ \\n \\\\ [x] {1,2} ü ✓`;
const value = `it's ${special}`;

/** How commands are run: shells, environment, directory, input and output. */
export function commandGroups(subject: CaseSubject): readonly CaseGroup[] {
  const environment = [`(env OB_CHECK ${atom(value)})`, `(env OB_CHECK_EMPTY "")`];
  return [
    { setting: ["(shell)", "(workdir /)"], cases: [loginShellCase(subject)] },
    {
      setting: [...plainSetting, ...environment],
      cases: [
        surroundingsCase,
        ...inShell(subject),
        inputCase,
        unreachableCase(subject),
        lookupCase(subject),
        clockCase,
      ],
    },
    { setting: plainSetting, cases: ownSteps(subject) },
  ];
}

/** Single quotes mean the same to every family of shells. */
function loginShellCase({ loginUser }: CaseSubject): LifeCycleCase {
  return {
    name: "a step is run by the login shell of the login user, which passes special characters on",
    ops: [runOp(["id -un", `printf '<%s>\\n' '${special}'`])],
    fault: (output) => {
      // A Windows user can be printed with the machine's name; a login shell may print something itself.
      const users = output.text.split(/\r?\n/).map((line) => line.trim().toLowerCase());
      return users.some((user) => user.endsWith(loginUser.toLowerCase()))
        ? expectLines(`<${special}>`)(output)
        : "It was run by another user.";
    },
  };
}

function inShell({ nonce }: CaseSubject): readonly LifeCycleCase[] {
  return [
    {
      name: "special characters reach a program through an explicit shell",
      script: [
        `printf '<%s>\\n' '${special}' "it's" "a\\"b" \\$x`,
        `x=${nonce}; echo "$x" '$x' "\`echo $x\`"`,
      ],
      fault: expectLines(`<${special}>`, `<it's>`, `<a"b>`, `<$x>`, `${nonce} $x ${nonce}`),
    },
    {
      name: "environment variables keep quotes, blanks, $, % and non-ASCII characters",
      script: [`printf '<%s>\\n' "$OB_CHECK"`, `echo "empty: \${OB_CHECK_EMPTY-unset}."`],
      fault: expectLines(`<${value}>`, "empty: ."),
    },
  ];
}

const inputCase: LifeCycleCase = {
  name: "a command has no input, and does not wait for any",
  script: [`if read -r line; then echo "read $line"; exit 1; fi`, `echo "rest: $(cat)."`],
  fault: expectLines("rest: ."),
};

/** What could damage the output of others, or is about a step itself. */
function ownSteps({ paths, nonce }: CaseSubject): readonly LifeCycleCase[] {
  const directory = "it's deep/er";
  const size = 2_000_000;
  return [
    {
      name: "a working directory that does not exist is made, and belongs to the user",
      ops: [
        `(workdir ${atom(paths.inSpec(directory))})`,
        runOp(["pwd", `echo ${nonce} >made && cat made`]),
        `(workdir /)`,
      ],
      fault: ({ text }) =>
        text.split("\n").some((line) => line.trim().endsWith(`/obuilder-check/${directory}`)) &&
        text.includes(nonce)
          ? undefined
          : "It was not in its working directory, or could not write there.",
    },
    {
      name: "a command of 100 KB is run",
      ops: [runOp([`: ${"x".repeat(100_000)}`, `echo end ${nonce}`])],
      fault: expectLines(`end ${nonce}`),
    },
    {
      name: "2 MB of output arrive complete",
      ops: [runOp([`dd if=/dev/zero bs=1000 count=2000 2>/dev/null | tr '\\0' x`, "echo; echo end"])],
      fault: ({ bytes, text }) =>
        text.trimEnd().endsWith("end") && bytes >= size && bytes < size + 100
          ? undefined
          : `${bytes} bytes arrived.`,
    },
  ];
}
