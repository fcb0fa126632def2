import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";

/** A terminal with a person at it, played by tmux. Disposing ends all that runs in it. */
export interface TmuxTerminal extends AsyncDisposable {
  /** Types text as it stands, or presses a key by tmux's name for it: `Enter`, `C-c`. */
  readonly type: (...keys: readonly string[]) => Promise<void>;
  readonly resize: (size: TerminalSize) => Promise<void>;
  /** The screen with what has scrolled away, once it matches. The test's own deadline ends it. */
  readonly waitFor: (pattern: RegExp) => Promise<string>;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Runs a command line of /bin/sh in a terminal; `exit status N` and what the terminal's mode is come after its end. */
export async function openTerminal(
  commandLine: string,
  { columns, rows, env = {} }: TerminalSize & { readonly env?: Readonly<Record<string, string>> },
): Promise<TmuxTerminal> {
  const server = `ob-${crypto.randomUUID()}`;
  const tmux = (...args: readonly string[]) =>
    execa("tmux", ["-L", server, "-f", "/dev/null", ...args], { env: { ...env } });
  const script = `${commandLine}; echo "exit status $?"; stty -a | grep -o -e '-*icanon'; exec sleep 600`;
  await tmux("new-session", "-d", "-x", String(columns), "-y", String(rows), script);
  const screen = async () => (await tmux("capture-pane", "-p", "-J", "-S", "-")).stdout;
  return {
    type: async (...keys) => void (await tmux("send-keys", ...keys)),
    resize: async (size) => {
      await tmux("resize-window", "-x", String(size.columns), "-y", String(size.rows));
    },
    waitFor: async (pattern) => {
      for (;;) {
        const text = await screen();
        if (pattern.test(text)) return text;
        await sleep(100);
      }
    },
    [Symbol.asyncDispose]: async () => void (await tmux("kill-server")),
  };
}
