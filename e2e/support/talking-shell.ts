/** Prints on both streams, reads a line that is meant for the command, and leaves a process that holds the output. */
const startUp = "echo welcome; echo be careful >&2; read line; sleep 1000 &";

/** A command of a spec after which every shell of the guest's login user does so. */
export const talkingShell = `echo '${startUp}' | sudo tee ~/.bashrc ~/.profile /etc/bash.bashrc /etc/profile.d/talk.sh >/dev/null`;
