/**
 * How long one turn of the event loop may deal with what a guest sends, in milliseconds. Signals, timers and other guests wait for
 * the end of the turn.
 */
export const turnTime = 20;
