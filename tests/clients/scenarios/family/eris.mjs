// Eris, unmodified, as the questions of its family ask for it.
import https from "node:https";
import { Client } from "eris";
import { hearing } from "./hear.mjs";

const { BASE, BOT_TOKEN } = process.env;
const host = new URL(BASE);

/** The library asks port 443 of a host; only an agent can tell it, and the server, of another one. */
class Agent extends https.Agent {
  addRequest(request, ...rest) {
    request.setHeader("host", host.host);
    super.addRequest(request, ...rest);
  }
}

/** A client of the library, with so many shards. */
function another(maxShards) {
  const client = new Client(`Bot ${BOT_TOKEN}`, {
    intents: ["all"],
    maxShards,
    restMode: true,
    rest: { domain: host.hostname, agent: new Agent({ port: host.port }) },
  });
  client.on("error", (error) => console.error(error));
  client.on("warn", (warning) => console.error(warning));
  return client;
}

const client = another("auto");
const files = (given) => given?.map(({ name, bytes }) => ({ name, file: bytes }));

export const bot = {
  name: "eris",
  client,
  another,
  hear: hearing(client, {
    memberUpdate: { event: "guildMemberUpdate", value: (_, member) => member },
    reactionAdd: {
      event: "messageReactionAdd",
      value: (message, emoji) => ({ message: message.id, emoji: emoji.name }),
    },
    reactionRemove: { event: "messageReactionRemove", value: (message) => ({ message: message.id }) },
    typingStart: { event: "typingStart", value: (channel, user) => ({ channel: channel.id, user: user.id }) },
    presenceUpdate: {
      event: "presenceUpdate",
      value: (member) => ({ user: member.id, status: member.status, activities: member.activities }),
    },
    pollVote: {
      event: "messagePollVoteAdd",
      value: (message, user, answer) => ({ message: message.id, user: user.id, answer: Number(answer) }),
    },
    eventUserAdd: {
      event: "guildScheduledEventUserAdd",
      value: (event, user) => ({ event: event.id, user: user.id }),
    },
    ruleCreate: { event: "autoModerationRuleCreate", value: (_, rule) => rule },
    ruleUpdate: { event: "autoModerationRuleUpdate", value: (_, before, rule) => rule },
    ruleDelete: { event: "autoModerationRuleDelete", value: (_, rule) => rule },
  }),
  async login() {
    const ready = this.hear("ready", () => true, 30_000);
    await client.connect();
    await ready;
  },
  members: (options) => client.getRESTGuildMembers(process.env.GUILD, options),
  send: (channel, said, given) => client.createMessage(channel, said, files(given)),
  list: (channel, options) => client.getMessages(channel, options),
  get: (channel, id) => client.getMessage(channel, id),
  edit: (channel, id, said) => client.editMessage(channel, id, said),
  remove: (channel, id) => client.deleteMessage(channel, id),
  react: (channel, id, emoji) => client.addMessageReaction(channel, id, emoji),
  unreact: (channel, id, emoji) => client.removeMessageReaction(channel, id, emoji),
  reactors: (channel, id, emoji) => client.getMessageReaction(channel, id, emoji),
  reaction: (message, emoji) => message.reactions[emoji],
  attachments: (message) => [...message.attachments.values()],
  channelOf: (message) => message.channel.id,
  maySend: (channel, user) => channel.permissionsOf(user).has("sendMessages"),
  typing: (channel) => client.sendChannelTyping(channel),
  thread: (channel, message, options) => client.createThreadWithMessage(channel, message, options),
  threadMembers: (thread) => client.getThreadMembers(thread),
  activeThreads: async (guild) => (await client.getActiveGuildThreads(guild)).threads,
  archivedThreads: async (channel) => (await client.getArchivedThreads(channel, "public")).threads,
  editChannel: (channel, options, reason) => client.editChannel(channel, options, reason),
  post: (forum, options, given) => client.createThread(forum, options, files(given)),
  question: (text, answers) => ({
    question: { text },
    answers: answers.map((answer) => ({ poll_media: { text: answer } })),
    duration: 1,
    allow_multiselect: false,
  }),
  voters: (channel, message, answer) => client.getPollAnswerVoters(channel, message, answer),
  endPoll: (channel, message) => client.endPoll(channel, message),
  setCommands: (commands) => client.bulkEditCommands(commands),
  commands: () => client.getCommands(),
  option: (interaction, name) => interaction.data.options.find((option) => option.name === name).value,
  editAnswer: (interaction, said) => interaction.editOriginalMessage(said),
  answer: (interaction) => interaction.getOriginalMessage(),
  followUp: (interaction, said) => interaction.createFollowup(said),
  deleteFollowUp: (interaction, id) => interaction.deleteMessage(id),
  customId: (interaction) => interaction.data.custom_id,
  values: (interaction) => interaction.data.values,
  components: (components) => components,
  modal: (title, custom_id, components) => ({ title, custom_id, components }),
  field: (interaction, id) =>
    interaction.data.components.flatMap((row) => row.components).find((input) => input.custom_id === id).value,
  execute: (id, token, options) => client.executeWebhook(id, token, options),
  editHooked: (id, token, message, said) => client.editWebhookMessage(id, token, message, said),
  deleteHooked: (id, token, message) => client.deleteWebhookMessage(id, token, message),
  deleteHook: (id, token) => client.deleteWebhook(id, token),
  schedule: (guild, event) => client.createGuildScheduledEvent(guild, event),
  scheduled: (guild) => client.getGuildScheduledEvents(guild, { withUserCount: true }),
  attendees: (guild, event) => client.getGuildScheduledEventUsers(guild, event, { withMember: true }),
  reschedule: (guild, event, options) => client.editGuildScheduledEvent(guild, event, options),
  unschedule: (guild, event) => client.deleteGuildScheduledEvent(guild, event),
  // It hands what is in a rule on as it is, whatever its types say.
  forbid: (guild, name, keyword_filter, allow_list, custom_message) =>
    client.createAutoModerationRule(guild, {
      name,
      eventType: 1,
      triggerType: 1,
      triggerMetadata: { keyword_filter, allow_list },
      actions: [{ type: 1, metadata: { custom_message } }],
      enabled: true,
    }),
  rules: (guild) => client.getAutoModerationRules(guild),
  rule: ({ trigger_metadata, creator_id }) => ({
    keywords: trigger_metadata.keyword_filter,
    allowed: trigger_metadata.allow_list,
    creator: creator_id,
  }),
  editRule: (guild, rule, options) => client.editAutoModerationRule(guild, rule, options),
  deleteRule: (guild, rule) => client.deleteAutoModerationRule(guild, rule),
  auditLog: async (guild, options) => (await client.getGuildAuditLog(guild, options)).entries,
};
