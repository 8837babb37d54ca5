// Oceanic, unmodified: commands, components, forms, webhooks.
import { judgeApps } from "./family/apps.mjs";
import { bot } from "./family/oceanic.mjs";

await judgeApps(bot);
