// Eris, unmodified: commands, components, forms, webhooks.
import { judgeApps } from "./family/apps.mjs";
import { bot } from "./family/eris.mjs";

await judgeApps(bot);
