import { buffer } from "node:stream/consumers";
import type { GuestImage, GuestUser } from "@ob/core";
import type { ServerChannel } from "ssh2";
import { expect, it } from "vitest";
import { copyOwner, type KnownOwners } from "./copy-owner.ts";
import type { GuestCommand, GuestProfile } from "../guest/profile.ts";
import { linuxGuest } from "../guest/linux/profile.ts";
import { windowsGuest } from "../guest/windows/profile.ts";
import { openSession } from "../ssh/session.ts";
import { newKey, startServer } from "../testing/ssh-server.ts";

const never = new AbortController().signal;
const image: GuestImage = { manifest: undefined, manifestDirectory: "/" };

interface Question {
  readonly user?: GuestUser;
  readonly loginUser?: string;
  readonly known?: KnownOwners;
  /** What the guest prints; none where it cannot be asked. */
  readonly says?: string;
  readonly status?: number;
}

/** The server of these tests gets only the mark, in place of a command that prints it. */
function marking(profile: GuestProfile): GuestProfile {
  const { findOwner } = profile;
  if (!findOwner) return profile;
  const framed: GuestCommand["framed"] = ({ mark }) => ({ command: mark, inputStart: "" });
  return { ...profile, findOwner: (name) => ({ ...findOwner(name), framed }) };
}

/** Presumes an owner and then asks a guest, which answers as the test defines. */
async function ask({ user, loginUser = "opam", known = new Map(), says = "", status = 0 }: Question) {
  let asked = 0;
  const answer = async (mark: string, channel: ServerChannel): Promise<void> => {
    asked++;
    await buffer(channel);
    channel.write(`Welcome!\nobuilder: the owner is 7:7\n${mark}${says}`);
    channel.stderr.write(`Welcome!\n${mark}`);
    if (status !== 0) channel.stderr.write("obuilder: the guest has no user nobody\n");
    channel.exit(status);
    channel.end();
  };
  const key = newKey();
  await using server = await startServer({
    accepts: key,
    onExec: (mark, channel) => void answer(mark, channel),
  });
  const login = { user: "opam", keys: [{ kind: "key", label: "k", key }] as const, signal: never };
  await using session = await openSession(await server.connect(), login);
  const profile = marking(linuxGuest(loginUser));
  const owner = copyOwner(user, { profile, loginUser, image, known });
  const { presumed } = owner;
  return { presumed, owner: await owner.confirm({ session, signal: never }), asked };
}

it("a user by number, and root, are known without asking the guest", async () => {
  const user = { uid: 5, gid: 6 };
  expect(await ask({ user })).toEqual({ presumed: user, owner: user, asked: 0 });
  const root = { uid: 0, gid: 0 };
  expect(await ask({ loginUser: "root" })).toEqual({ presumed: root, owner: root, asked: 0 });
  expect(await ask({ user: { name: "root" } })).toEqual({ presumed: root, owner: root, asked: 0 });
});

it("the login user, and one by name, are resolved by the guest, whatever else its login shell prints", async () => {
  const says = "obuilder: the owner is 1001:50\n";
  const owner = { uid: 1001, gid: 50 };
  const known: KnownOwners = new Map();
  expect(await ask({ says, known })).toEqual({ presumed: { uid: 1000, gid: 1000 }, owner, asked: 1 });
  // The answer is presumed the next time, for this user.
  expect(await ask({ says, known })).toEqual({ presumed: owner, owner, asked: 1 });
  expect(await ask({ says, known, user: { name: "opam" } })).toMatchObject({ presumed: owner });
  expect(await ask({ says, known, user: { name: "build" } })).toMatchObject({
    presumed: { uid: 1000 },
    owner,
  });
});

it("a user that the guest does not have is an error that names it", async () => {
  await expect(ask({ user: { name: "nobody" }, status: 125 })).rejects.toMatchObject({
    code: "STEP_FAILED",
    message: expect.stringContaining("the guest has no user nobody"),
  });
});

it.each(["", "obuilder: the owner is x:5\n", "obuilder: the owner is 4294967295:5\n"])(
  "%j is not an owner",
  async (says) => {
    await expect(ask({ user: { name: "odd" }, says })).rejects.toMatchObject({
      code: "STEP_FAILED",
      message: "The guest's user odd has no uid and gid in /etc/passwd.",
    });
  },
);

it("a guest whose files have no such owners is not asked", async () => {
  const owner = copyOwner(undefined, {
    profile: windowsGuest("opam"),
    loginUser: "opam",
    image,
    known: new Map(),
  });
  expect(owner.presumed).toBeUndefined();
});
