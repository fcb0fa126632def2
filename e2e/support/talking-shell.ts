/** Prints on both streams, reads a line that is not its own, and leaves something that holds the output. */
const startUp = "echo welcome; echo be careful >&2; read line; sleep 1000 &";

/** A command of a spec that has every shell of the guest's login user do so from then on. */
export const talkingShell = `echo '${startUp}' | sudo tee ~/.bashrc ~/.profile /etc/bash.bashrc /etc/profile.d/talk.sh >/dev/null`;
