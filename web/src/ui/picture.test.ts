// Where pictures are, how they are cut, and which of them must not be touched.

import { describe, expect, it } from "vitest";
import { avatarPath, iconPath, moves, SIDE, squareOf } from "./picture";

const HASH = "0123456789abcdef0123456789abcdef";
const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

describe("addresses", () => {
  it("name the picture and tell whether it moves", () => {
    expect(avatarPath("7", HASH)).toBe(`/avatars/7/${HASH}.png`);
    expect(iconPath("7", `a_${HASH}`)).toBe(`/icons/7/a_${HASH}.gif`);
  });

  it.each([[null], [undefined], [""], ["../../x"], [`${HASH}/..`], [HASH.slice(1)]])("are not made of %s", (hash) => {
    expect(avatarPath("7", hash)).toBeNull();
  });

  it("are not made of what is no id", () => {
    expect(avatarPath("7/../8", HASH)).toBeNull();
  });
});

describe("the square", () => {
  it("is cut out of the middle and made small", () => {
    expect(squareOf(2000, 1000)).toEqual({ x: 500, y: 0, from: 1000, to: SIDE });
    expect(squareOf(1000, 1501)).toEqual({ x: 0, y: 250, from: 1000, to: SIDE });
  });

  it("is never larger than the picture", () => {
    expect(squareOf(64, 64)).toEqual({ x: 0, y: 0, from: 64, to: 64 });
  });
});

describe("what moves", () => {
  const head = "GIF89a\x01\0\x01\0\0\0\0";
  const frame = ",\0\0\0\0\x01\0\x01\0\x80abcdef\x02\x02\x44\x01\0";
  const chunk = (name: string, data = "") => `\0\0\0${String.fromCharCode(data.length)}${name}${data}crc!`;

  it("is a GIF of two frames, and not one of one", () => {
    expect(moves(bytes(`${head}!\xfe\x03a,b\0${frame};`))).toBe(false);
    expect(moves(bytes(`${head}${frame}!\xf9\x04abcd\0${frame};`))).toBe(true);
  });

  it("is a PNG or a WebP that says so", () => {
    const png = "\x89PNG\r\n\x1a\n" + chunk("IHDR", "x".repeat(13));
    expect(moves(bytes(png + chunk("acTL", "12345678") + chunk("IDAT")))).toBe(true);
    expect(moves(bytes(png + chunk("IDAT", "acTL")))).toBe(false);
    expect(moves(bytes("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02"))).toBe(true);
    expect(moves(bytes("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10"))).toBe(false);
  });

  it("is nothing that is cut off or something else", () => {
    for (const text of ["", "GIF89a", head, "\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR", "<svg>"]) {
      expect(moves(bytes(text))).toBe(false);
    }
  });
});
