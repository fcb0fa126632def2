import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";

/** A terminal of tmux that a test types into. Disposing kills every process in it. */
export interface TmuxTerminal extends AsyncDisposable {
  /** Types text unchanged, or presses a key by tmux's name for it: `Enter`, `C-c`. */
  readonly type: (...keys: readonly string[]) => Promise<void>;
  readonly resize: (size: TerminalSize) => Promise<void>;
  /**
   * Resolves with the screen and its scrollback once they match. After the timeout it throws an error with the screen.
   */
  readonly waitFor: (pattern: RegExp) => Promise<string>;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** How long a guest may take to print something, its boot included, in milliseconds. */
const timeout = 240_000;

/** Runs a command line of /bin/sh in a terminal. After its end `exit status N` and the terminal's mode are printed. */
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
      const start = performance.now();
      for (;;) {
        const text = await screen();
        if (pattern.test(text)) return text;
        if (performance.now() - start > timeout) {
          throw new Error(`The terminal does not show ${String(pattern)}:\n${text.trimEnd()}`);
        }
        await sleep(100);
      }
    },
    [Symbol.asyncDispose]: async () => void (await tmux("kill-server")),
  };
}
