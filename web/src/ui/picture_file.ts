// A file that a person chose, made ready to go up as a picture: square and small, or as it is when
// it moves. A shell over the browser's decoder and canvas; nothing of the file but its pixels stays.

import { en } from "../strings/en";
import { MOST_BYTES, moves, squareOf } from "./picture";

/** A data URI that the server takes. Throws an `Error` whose message is for people. */
export async function pictureUri(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (moves(bytes)) {
    if (bytes.length > MOST_BYTES) throw new Error(en.picture.tooLarge);
    return uriOf(file);
  }
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(en.picture.notOne);
  }
  const { x, y, from, to } = squareOf(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = to;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error(en.errors.unknown);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, x, y, from, from, 0, 0, to, to);
  bitmap.close();
  // A browser that cannot write WebP writes PNG instead, by itself.
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/webp", 0.9));
  if (!blob) throw new Error(en.errors.unknown);
  return uriOf(blob);
}

function uriOf(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(en.errors.unknown));
    reader.readAsDataURL(blob);
  });
}
