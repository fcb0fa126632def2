/**
 * Of a character class with the flag `u`: the characters that could control a terminal, hide text, or change its order. They are the
 * control characters, format characters (of direction, without width, tags), lone surrogates, unassigned ones, and other ends of lines.
 */
export const unsafeCharacters = String.raw`\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}`;
