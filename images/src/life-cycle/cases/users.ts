import { atom, type CaseGroup, type CaseSubject, type LifeCycleCase, settingOf } from "../case.ts";

const ids = ["echo user $(id -u):$(id -g) $(id -un)"];

/** A user that the guest has no way to switch to is refused as unsupported, and skipped. */
export function otherUserGroups({ guestOs, facts }: CaseSubject): readonly CaseGroup[] {
  const numbered: LifeCycleCase = {
    name: "a step is run with a uid and gid that no user has",
    script: [`echo "user $(id -u):$(id -g)"`],
    fault: ({ text }) => (text.includes("user 4321:1234") ? undefined : "It had other ids."),
    // A system of which we know nothing may have users by name only.
    required: guestOs === "linux" || guestOs === "openbsd",
  };
  const named: LifeCycleCase = {
    name: "a step is run by another user, by name",
    script: ids,
    fault: ({ text }) => (text.trimEnd().endsWith("nobody") ? undefined : "Another user ran it."),
    skip: facts.hasNobody ? undefined : "The guest has no user `nobody`.",
  };
  return [
    { setting: settingOf("(uid 4321) (gid 1234)"), cases: [numbered] },
    { setting: settingOf("(name nobody)"), cases: [named] },
  ];
}

export function rootCase({ guestOs }: CaseSubject): LifeCycleCase {
  return {
    name: "a step is run as root",
    script: ids,
    // Cygwin has ids of its own.
    fault: ({ text }) =>
      guestOs === "windows" || text.includes("user 0:0 root")
        ? undefined
        : "It was not run by root and its group.",
  };
}

export function loginUserCase({ loginUser }: CaseSubject): LifeCycleCase {
  return {
    name: "a step is run by the login user if the spec names it",
    script: ids,
    fault: ({ text }) =>
      text.trimEnd().toLowerCase().endsWith(loginUser.toLowerCase()) ? undefined : "Another user ran it.",
  };
}

/** The setting of the login user's group. */
export function loginUserSetting({ loginUser }: CaseSubject): readonly string[] {
  return settingOf(`(name ${atom(loginUser)})`);
}
