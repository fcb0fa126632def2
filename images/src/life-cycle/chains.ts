import { type CaseChain, type CaseSubject, plainSetting, settingOf } from "./case.ts";
import { commandGroups } from "./cases/commands.ts";
import { copyCases } from "./cases/copies.ts";
import { coldSurroundings, leftoverCase, restartCase, statusCase, writtenLastCase } from "./cases/machine.ts";
import { cacheCases, secretCase } from "./cases/mounts.ts";
import { reachableCase } from "./cases/network.ts";
import { loginUserCase, loginUserSetting, otherUserGroups, rootCase } from "./cases/users.ts";

const asRoot = settingOf("(uid 0) (gid 0)");

/**
 * Everything that is checked by building, for any guest. The order matters: a spec cannot return to the login user once it
 * has named another, and a machine that had secrets or a network serves no further step.
 */
export function caseChains(subject: CaseSubject): readonly CaseChain[] {
  return [
    {
      reuseVm: true,
      groups: [
        ...commandGroups(subject),
        { setting: plainSetting, cases: [...copyCases(subject), ...cacheCases(subject)] },
        { setting: asRoot, cases: [leftoverCase(subject), rootCase(subject)] },
        ...otherUserGroups(subject),
        { setting: loginUserSetting(subject), cases: [secretCase(subject), loginUserCase(subject)] },
        { setting: plainSetting, cases: [statusCase(3), reachableCase(subject)] },
      ],
    },
    {
      reuseVm: false,
      groups: [
        { setting: plainSetting, cases: [coldSurroundings] },
        { setting: asRoot, cases: [writtenLastCase(subject), restartCase(subject)] },
        { setting: plainSetting, cases: [statusCase(200)] },
      ],
    },
  ];
}
