// Loaded before an example of discord.js: where Discord is, and that it ends with the harness.
import { DefaultRestOptions } from "discord.js";

DefaultRestOptions.api = `${process.env.BASE}/api`;
DefaultRestOptions.cdn = process.env.BASE;
process.stdin.on("end", () => process.exit()).resume().unref?.();
