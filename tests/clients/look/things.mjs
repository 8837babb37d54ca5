// What the hall is furnished with before it is looked at: sounds, pictures, a conversation.
import { deflateSync, crc32 } from "node:zlib";

/** A PNG of `side` pixels, coloured by `paint(x, y)` in 0..1, which returns red, green, blue. */
export function png(width, height, paint) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * (1 + width * 3) + 1 + x * 3;
      paint(x / width, y / height).forEach((value, index) => (rows[at + index] = value));
    }
  }
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
    const frame = Buffer.alloc(8 + body.length);
    frame.writeUInt32BE(data.length, 0);
    body.copy(frame, 4);
    frame.writeUInt32BE(crc32(body), 4 + body.length);
    return frame;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

export const dataUri = (bytes) => `data:image/png;base64,${bytes.toString("base64")}`;

/** Hills before an evening sky. */
export const landscape = (width, height) =>
  png(width, height, (x, y) => {
    const hill = 0.62 + 0.09 * Math.sin(x * 7) + 0.04 * Math.sin(x * 19 + 1);
    const sun = Math.hypot((x - 0.7) * (width / height), y - 0.42) < 0.09;
    if (y > hill) return [46 + 40 * (y - hill), 74 - 30 * (y - hill), 66];
    if (sun) return [255, 226, 150];
    return [236 - 60 * y, 150 + 60 * y, 110 + 70 * y];
  });

/** A round shape on a ground. */
export const badge = (ground, shape) =>
  png(128, 128, (x, y) => (Math.hypot(x - 0.5, y - 0.42) < 0.18 || Math.hypot(x - 0.5, y - 0.95) < 0.33 ? shape : ground));

/** Seconds of a hum that swells like syllables (`loud`), or of silence; 48 kHz, 16 bits. */
export function hum(seconds, loud) {
  const pcm = Buffer.alloc(seconds * 48_000 * 2);
  for (let at = 0; at < seconds * 48_000; at += 1) {
    const t = at / 48_000;
    const swell = 0.35 + 0.25 * Math.sin(t * 9);
    const value = loud ? swell * (Math.sin(t * 1_131) * 0.6 + Math.sin(t * 2_400) * 0.3) : 0;
    pcm.writeInt16LE(Math.round(value * 20_000), at * 2);
  }
  return pcm;
}

const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3);

/** Says everything that a history can hold; `say(who, body, file)` returns the message. */
export async function converse(say, react) {
  const first = await say("ben", "Good evening! Is the **rehearsal** still on for _Thursday_?");
  await say("ben", "I can bring the small mixer and two microphones.");
  const reply = await say("ana", { content: "Yes, at seven. Bring both.", message_reference: { message_id: first.id } });
  await react("ben", reply, "👍");
  await react("cai", reply, "👍");
  await react("cai", reply, "🎻");
  await say("cai", "## Running order\n- Overture\n- ~~Second~~ Third movement\n- Encore, if they ask\n> They always ask.");
  await say("ana", "The script that renames the takes:\n```sh\nfor take in *.wav; do\n  mv \"$take\" \"$(date -r \"$take\" +%F_%H%M)_${take##*/}\"   # keeps the extension, and the order in which they were recorded\ndone\n```\nRun it with `--dry-run` first, and read https://example.org/takes/2026/a-rather-long-address-that-has-to-wrap-somewhere?or=else#it-sticks-out before you ask.");
  await say("cai", `One word from the programme: ${LONG}`);
  await say("ben", "The view from the hall last night", landscape(960, 600));
  await say("ana", "||The surprise guest is Cai's grandmother.|| Do not tell.");
  const last = await say("ana", "🎉🎻");
  await react("ana", last, "🍰");
  await say("ben", "@everyone doors open at half past six, please be early: the piano has to come up the stairs and it needs six of us.");
}
