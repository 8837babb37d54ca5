// Mentions while writing: finding the name under the caret, and turning names into ids on sending.
// Pure; the list of candidates is drawn by `Composer.tsx`.

/** The `@name` that ends at `caret`, with the place of its `@`; null when there is none. */
export function mentionAt(text: string, caret: number): { from: number; text: string } | null {
  const match = /(?:^|[\s(])@([\p{L}\p{N}_.-]{0,32})$/u.exec(text.slice(0, caret));
  if (!match) return null;
  const name = match[1]!;
  return { from: caret - name.length - 1, text: name };
}

/**
 * Replaces `@username` by `<@id>` where it names one of `people` exactly. Code stays as written.
 */
export function resolveMentions(
  text: string,
  people: readonly string[],
  usernameOf: (id: string) => string | undefined,
): string {
  if (!text.includes("@")) return text;
  const ids = new Map<string, string>();
  for (const id of people) {
    const name = usernameOf(id);
    if (name) ids.set(name.toLowerCase(), id);
  }
  return text
    .split(/(```[\s\S]*?```|`[^`\n]*`)/)
    .map((piece, index) =>
      index % 2 === 1
        ? piece
        : piece.replace(/(^|[\s(])@([\w.-]{2,32})/g, (whole, before: string, name: string) => {
            // A full stop may end the name's sentence rather than belong to the name.
            const trimmed = ids.has(name.toLowerCase()) ? name : name.replace(/[.-]+$/, "");
            const id = ids.get(trimmed.toLowerCase());
            return id ? `${before}<@${id}>${name.slice(trimmed.length)}` : whole;
          }),
    )
    .join("");
}
