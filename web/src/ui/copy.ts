// Puts text on the clipboard, wherever the page was opened from.

/** Clipboard, with the old way where the page is not secure: whether it is there now. */
export async function copy(text: string, from: HTMLInputElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    from.select();
    return document.execCommand("copy");
  }
}
