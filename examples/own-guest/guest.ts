// The profile of a plain POSIX system: /bin/sh, tar, su and sudo are all that it needs. docs/guests.md explains each part.
//   obuilder build ... --guest-profile examples/own-guest/guest.ts .
// for a base image whose manifest says "guestOs": "plain-posix".
import { ObError, type RunTask } from "@ob/core";
import {
  environmentArgs,
  failFunction,
  freeDiskCheck,
  type GuestProfile,
  identityCommand,
  makeDirectoriesFunction,
  posixDefaults,
  programCheck,
  quoteArgs,
  rootAccess,
  tarScript,
  unpackScript,
  userArgs,
} from "@ob/sandbox-qemu";

/** Shell text: sets name, uid and gid from the arguments that `userArgs` makes, `uid UID GID` or `name NAME ''`. */
const resolveUser = `${failFunction}
name=
case $1 in
  uid)
    while IFS=: read -r entry _ number _; do
      if [ "$number" = "$2" ]; then name=$entry; break; fi
    done </etc/passwd
    ;;
  *) name=$2 ;;
esac
[ -n "$name" ] || fail "the guest has no user with the uid $2"
uid=$(id -u "$name") && gid=$(id -g "$name") || fail "the guest has no user $name"
[ "$1" != uid ] || [ "$gid" = "$3" ] || fail "the group of the user $name is $gid, not $3"
`;

/** As root. Arguments: the user, and a directory that becomes the user's if it does not exist. */
const makeWorkdir = `${resolveUser}${makeDirectoriesFunction}
make_directories "$4"`;

/** As root. Arguments: the user, and a command line for the user's shell. */
const runAsUser = `${resolveUser}
exec su "$name" -c "$4"`;

/** As root. Argument: a user's name. Prints what the sandbox reads the owner of copied files from. */
const findOwner = `${resolveUser}
echo "obuilder: the owner is $uid:$gid"`;

/** What stands for an empty `(shell)`: the login shell of the user who runs it. */
const loginShell = ["/bin/sh", "-c", 'exec "${SHELL:-/bin/sh}" -c "$1"', "obuilder"];

/** The line that runs a step's command in its directory, with its environment and no input. */
function commandLine({ workdir, environment, shell, command }: RunTask): string {
  const program = [...(shell.length === 0 ? loginShell : shell), command];
  const script = `${failFunction}
cd -- "$1" || fail "cannot enter $1"
shift
exec env "$@" </dev/null`;
  const args = [workdir, ...environmentArgs(environment), ...program];
  return `exec ${quoteArgs(["/bin/sh", "-c", script, "obuilder", ...args])}`;
}

/** POSIX has no command that makes or mounts a file system, so this profile cannot offer either. */
function refuseMounts({ caches, secrets }: RunTask): void {
  if (caches.length + secrets.length === 0) return;
  throw new ObError("UNSUPPORTED", "This guest has no caches and no secrets.", {
    hint: "Its profile's `mount` must prepare them; docs/guests.md says how.",
  });
}

export function profile(loginUser: string): GuestProfile {
  const root = rootAccess(loginUser, ["sudo", "-n", "--"]);
  return {
    ...posixDefaults,
    os: "plain-posix",
    cacheFileSystem: "none",
    rootAccess: "root is reached without a password",
    imageChecks: [programCheck("tar", { required: true }), freeDiskCheck("/")],

    // Each system shows this somewhere else. This is Linux' place: FreeBSD has `kenv smbios.system.serial`.
    identity: identityCommand("exec cat /sys/block/*/serial"),
    prepare: {
      phase: "login",
      purpose: "become root",
      ...root.command("exit 0"),
      failure: "UNSUPPORTED",
      hint: `The login user ${loginUser} needs sudo without a password, or must be root.`,
    },

    mount(task) {
      refuseMounts(task);
      return [
        {
          phase: "mount",
          purpose: `make the directory ${task.workdir}`,
          ...root.command(makeWorkdir, [...userArgs(task.user, loginUser), task.workdir]),
          failure: "STEP_FAILED",
        },
      ];
    },
    run(task) {
      const line = commandLine(task);
      return {
        phase: "run",
        purpose: "run the command",
        command:
          task.user === undefined ? line : root.line(runAsUser, [...userArgs(task.user, loginUser), line]),
        failure: "STEP_FAILED",
      };
    },
    unmount: () => [],

    unpack: {
      phase: "copy",
      purpose: "unpack the files",
      ...root.command(unpackScript("tar")),
      failure: "STEP_FAILED",
    },
    findOwner: (name) => ({
      phase: "copy",
      purpose: `find the user ${name}`,
      ...root.command(findOwner, ["name", name, ""]),
      failure: "STEP_FAILED",
    }),
    readArchive: (path, exclude, options) => ({
      phase: "copy",
      purpose: `read ${path}`,
      ...root.command(tarScript("tar", options), [path, ...exclude]),
      failure: "BAD_SOURCE",
    }),
    runScript: root.runScript,

    flush: () => ({
      phase: "flush",
      purpose: "write everything to the disk",
      ...root.command("sync"),
      failure: "UNCLEAN_STOP",
      frozen: undefined,
    }),
    shutdown: "acpi",
  };
}
