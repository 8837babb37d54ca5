// Pictures of people and guilds: where they are, and what becomes of a file before it goes up.
// Pure; the canvas that does it is in `picture_file.ts`.

/** Width and height of a picture that goes up, in pixels: enough for the largest face on any screen. */
export const SIDE = 512;
/** Largest picture that the server takes, in bytes. */
export const MOST_BYTES = 4 * 1024 * 1024;

/** The address of a person's picture, if they have one. One for all sizes: browsers keep one copy. */
export function avatarPath(id: string, hash: string | null | undefined): string | null {
  return path("avatars", id, hash);
}

/** The address of a guild's picture, if it has one. */
export function iconPath(id: string, hash: string | null | undefined): string | null {
  return path("icons", id, hash);
}

function path(folder: string, id: string, hash: string | null | undefined): string | null {
  // Both come from the server, and end up in an address all the same.
  if (!hash || !/^(?:a_)?[0-9a-f]{32}$/.test(hash) || !/^\d+$/.test(id)) return null;
  return `/${folder}/${id}/${hash}.${hash.startsWith("a_") ? "gif" : "png"}`;
}

/** The largest square in the middle of a picture, and the side that it is drawn with: never larger. */
export function squareOf(width: number, height: number): { x: number; y: number; from: number; to: number } {
  const from = Math.min(width, height);
  return { x: Math.floor((width - from) / 2), y: Math.floor((height - from) / 2), from, to: Math.min(from, SIDE) };
}

/**
 * Whether the picture moves, by its bytes: a GIF of more than one frame, a PNG or a WebP that says
 * so. A canvas would keep its first frame alone, so it goes up as it is.
 */
export function moves(bytes: Uint8Array): boolean {
  const starts = (text: string, at = 0) => [...text].every((letter, index) => bytes[at + index] === letter.charCodeAt(0));
  if (starts("GIF8")) return gifFrames(bytes) > 1;
  if (starts("RIFF") && starts("WEBPVP8X", 8)) return ((bytes[20] ?? 0) & 2) !== 0;
  if (starts("\x89PNG")) {
    // `acTL` stands before the first data (PNG specification §11.3.4).
    for (let at = 8; at + 8 <= bytes.length; ) {
      if (starts("acTL", at + 4)) return true;
      if (starts("IDAT", at + 4)) return false;
      at += 12 + new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
    }
  }
  return false;
}

/** Frames of a GIF, counted to two at most; what is cut off has as many as were whole. */
function gifFrames(bytes: Uint8Array): number {
  const table = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1));
  let frames = 0;
  let at = 13 + table(bytes[10] ?? 0);
  while (frames < 2 && at < bytes.length) {
    if (bytes[at] === 0x2c) {
      at += 11 + table(bytes[at + 9] ?? 0);
      frames += 1;
    } else if (bytes[at] === 0x21) {
      at += 2;
    } else {
      break;
    }
    while (at < bytes.length && bytes[at] !== 0) at += 1 + bytes[at]!;
    at += 1;
  }
  return frames;
}
