import { checkLiteral } from "./instruction.ts";
import { Refused } from "./refusal.ts";
import { atom, type Written } from "./spec-text.ts";

/** Docker's user, if none is given. */
export const rootUser: Written = ["user", ["uid", "0"], ["gid", "0"]];

/** The operation for `USER` or `--chown`. */
export function userOp(text: string): Written {
  checkLiteral(text);
  const [user = "", group] = text.trim().split(":");
  if (/^(?:0|root)$/.test(user) && (group === undefined || /^(?:0|root)$/.test(group))) return rootUser;
  const isNumber = /^\d+$/.test(user);
  if (isNumber && group !== undefined && /^\d+$/.test(group)) return ["user", ["uid", user], ["gid", group]];
  if (!isNumber && /^[^\s"'\\]+$/.test(user) && group === undefined) return ["user", ["name", atom(user)]];
  throw new Refused(
    `a user of a spec has numbers for both user and group, or a name alone: ${text}`,
    isNumber ? `write ${user}:GID` : "write UID:GID",
  );
}
