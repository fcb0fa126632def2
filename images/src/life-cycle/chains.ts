import type { CaseChain, CaseSubject } from "./case.ts";
import { commandCases } from "./cases/commands.ts";
import { copyCases } from "./cases/copies.ts";
import {
  coldCases,
  coldSurroundings,
  leftoverCases,
  restartCase,
  statusCase,
  surroundingsCase,
} from "./cases/machine.ts";
import { cacheCases, secretCase } from "./cases/mounts.ts";
import { networkCases } from "./cases/network.ts";
import { userCases } from "./cases/users.ts";

/**
 * Everything that is checked by building, for any guest. The order matters: a spec cannot return to the login user once it
 * has named another, and a machine that had secrets or a network serves no further step.
 */
export function caseChains(subject: CaseSubject): readonly CaseChain[] {
  const [unreachable, lookups, reachable] = networkCases(subject);
  return [
    {
      name: "steps that share a machine, where the guest can",
      reuseVm: true,
      cases: [
        surroundingsCase,
        ...commandCases(subject),
        ...copyCases(subject),
        unreachable,
        lookups,
        ...cacheCases(subject),
        ...leftoverCases(subject),
        ...userCases(subject),
        secretCase(subject),
        statusCase(3),
        reachable,
      ].filter((each) => each !== undefined),
    },
    {
      name: "a machine for each step",
      reuseVm: false,
      cases: [coldSurroundings, ...coldCases(subject), restartCase(subject), statusCase(200)],
    },
  ];
}
