import { atom, type CaseSubject, type LifeCycleCase, runOp } from "../case.ts";

const ids = "echo user $(id -u):$(id -g) $(id -un)";

/** Who runs a step. A user that the guest has no way to switch to is refused as unsupported, and skipped. */
export function userCases({ guestOs, loginUser, facts }: CaseSubject): readonly LifeCycleCase[] {
  // Cygwin has ids of its own.
  const numbered = guestOs !== "windows";
  return [
    {
      name: "a step is run by the login user if the spec names it",
      ops: [...as(`(name ${atom(loginUser)})`), runOp([ids])],
      fault: ({ text }) =>
        text.trimEnd().toLowerCase().endsWith(loginUser.toLowerCase()) ? undefined : "Another user ran it.",
    },
    {
      name: "a step is run as root",
      ops: [...as("(uid 0) (gid 0)"), runOp([ids])],
      fault: ({ text }) =>
        !numbered || text.includes("user 0:0 root") ? undefined : "It was not run by root and its group.",
    },
    {
      name: "a step is run with a uid and gid that no user has",
      ops: [...as("(uid 4321) (gid 1234)"), runOp([`echo "user $(id -u):$(id -g)"`])],
      fault: ({ text }) => (text.includes("user 4321:1234") ? undefined : "It had other ids."),
      // A system of which we know nothing may have users by name only.
      required: guestOs === "linux" || guestOs === "openbsd",
    },
    {
      name: "a step is run by another user, by name",
      ops: [...as("(name nobody)"), runOp([ids])],
      fault: ({ text }) => (text.trimEnd().endsWith("nobody") ? undefined : "Another user ran it."),
      skip: facts.hasNobody ? undefined : "The guest has no user `nobody`.",
    },
  ];
}

function as(user: string): readonly string[] {
  return [`(shell /bin/sh -c)`, `(workdir /)`, `(user ${user})`];
}
