// Eris, unmodified: login, cache, messages, files, limits, threads, resume.
import { judgeText } from "./family/text.mjs";
import { bot } from "./family/eris.mjs";

await judgeText(bot);
