// Oceanic, unmodified, as the questions of its family ask for it.
import { Client } from "oceanic.js";
import { hearing } from "./hear.mjs";

const { BASE, BOT_TOKEN } = process.env;

/** A client of the library, with so many shards. */
function another(maxShards) {
  const client = new Client({
    auth: `Bot ${BOT_TOKEN}`,
    rest: { baseURL: `${BASE}/api/v10` },
    gateway: { intents: ["ALL"], maxShards },
  });
  client.on("error", (error) => console.error(error));
  client.on("warn", (warning) => console.error(warning));
  return client;
}

const client = another(1);
const { channels, webhooks, applications, guilds } = client.rest;
const files = (given) => given?.map(({ name, bytes }) => ({ name, contents: bytes }));
const parsed = (components) => client.util.componentsToParsed(components);

export const bot = {
  name: "oceanic",
  client,
  another,
  /** It knows components of version 2. */
  layouts: true,
  hear: hearing(client, {
    memberUpdate: { event: "guildMemberUpdate", value: (member) => member },
    reactionAdd: {
      event: "messageReactionAdd",
      value: (message, _, reaction) => ({ message: message.id, emoji: reaction.emoji.name }),
    },
    reactionRemove: { event: "messageReactionRemove", value: (message) => ({ message: message.id }) },
    typingStart: {
      event: "typingStart",
      value: (channel, member) => ({ channel: channel.id, user: member.id }),
    },
    presenceUpdate: {
      event: "presenceUpdate",
      value: (_, member, presence) => ({ user: member.id, ...presence }),
    },
    pollVote: {
      event: "messagePollVoteAdd",
      value: (message, user, answer) => ({
        message: message.id,
        user: user.id,
        answer: answer.answerID,
      }),
    },
    eventUserAdd: {
      event: "guildScheduledEventUserAdd",
      value: (event, user) => ({ event: event.id, user: user.id }),
    },
    ruleCreate: { event: "autoModerationRuleCreate", value: (rule) => rule },
    ruleUpdate: { event: "autoModerationRuleUpdate", value: (rule) => rule },
    ruleDelete: { event: "autoModerationRuleDelete", value: (rule) => rule },
  }),
  async login() {
    const ready = this.hear("ready", () => true, 30_000);
    await client.connect();
    await ready;
  },
  members: (options) => guilds.getMembers(process.env.GUILD, options),
  send: (channel, said, given) => channels.createMessage(channel, { ...said, files: files(given) }),
  list: (channel, options) => channels.getMessages(channel, options),
  get: (channel, id) => channels.getMessage(channel, id),
  edit: (channel, id, said) => channels.editMessage(channel, id, said),
  remove: (channel, id) => channels.deleteMessage(channel, id),
  react: (channel, id, emoji) => channels.createReaction(channel, id, emoji),
  unreact: (channel, id, emoji) => channels.deleteReaction(channel, id, emoji),
  reactors: (channel, id, emoji) => channels.getReactions(channel, id, emoji),
  reaction: (message, emoji) => message.reactions.find((reaction) => reaction.emoji.name === emoji),
  attachments: (message) => message.attachments.toArray(),
  channelOf: (message) => message.channelID,
  maySend: (channel, user) => channel.permissionsOf(user).has("SEND_MESSAGES"),
  typing: (channel) => channels.sendTyping(channel),
  thread: (channel, message, options) => channels.startThreadFromMessage(channel, message, options),
  threadMembers: (thread) => channels.getThreadMembers(thread),
  activeThreads: async (guild) => (await guilds.getActiveThreads(guild)).threads,
  archivedThreads: async (channel) => (await channels.getPublicArchivedThreads(channel)).threads,
  editChannel: (channel, options, reason) => channels.edit(channel, { ...options, reason }),
  post: (forum, { message, ...options }, given) =>
    channels.startThreadInThreadOnlyChannel(forum, { ...options, message: { ...message, files: files(given) } }),
  question: (text, answers) => ({
    question: { text },
    answers: answers.map((answer) => ({ pollMedia: { text: answer } })),
    duration: 1,
    allowMultiselect: false,
    layoutType: 1,
  }),
  voters: (channel, message, answer) => channels.getPollAnswerUsers(channel, message, answer),
  endPoll: (channel, message) => channels.expirePoll(channel, message),
  setCommands: (commands) => applications.bulkEditGlobalCommands(client.application.id, commands),
  commands: () => applications.getGlobalCommands(client.application.id),
  option: (interaction, name) => interaction.data.options.raw.find((option) => option.name === name).value,
  editAnswer: (interaction, said) => interaction.editOriginal(said),
  answer: (interaction) => interaction.getOriginal(),
  followUp: async (interaction, said) => (await interaction.createFollowup(said)).getMessage(),
  deleteFollowUp: (interaction, id) => interaction.deleteFollowup(id),
  customId: (interaction) => interaction.data.customID,
  values: (interaction) => interaction.data.values.raw,
  components: parsed,
  modal: (title, customID, components) => ({ title, customID, components: parsed(components) }),
  field: (interaction, id) => interaction.data.components.getTextInput(id),
  execute: (id, token, options) => webhooks.execute(id, token, options),
  editHooked: (id, token, message, said) => webhooks.editMessage(id, token, message, said),
  deleteHooked: (id, token, message) => webhooks.deleteMessage(id, token, message),
  deleteHook: (id, token) => webhooks.deleteToken(id, token),
  schedule: (guild, event) => guilds.createScheduledEvent(guild, event),
  scheduled: (guild) => guilds.getScheduledEvents(guild, 1),
  attendees: (guild, event) => guilds.getScheduledEventUsers(guild, event, { withMember: true }),
  reschedule: (guild, event, options) => guilds.editScheduledEvent(guild, event, options),
  unschedule: (guild, event) => guilds.deleteScheduledEvent(guild, event),
  forbid: (guild, name, keywordFilter, allowList, customMessage) =>
    guilds.createAutoModerationRule(guild, {
      name,
      eventType: 1,
      triggerType: 1,
      triggerMetadata: { keywordFilter, allowList },
      actions: [{ type: 1, metadata: { customMessage } }],
      enabled: true,
    }),
  rules: (guild) => guilds.getAutoModerationRules(guild),
  rule: ({ triggerMetadata, creatorID }) => ({
    keywords: triggerMetadata.keywordFilter,
    allowed: triggerMetadata.allowList,
    creator: creatorID,
  }),
  editRule: (guild, rule, options) => guilds.editAutoModerationRule(guild, rule, options),
  deleteRule: (guild, rule) => guilds.deleteAutoModerationRule(guild, rule),
  auditLog: async (guild, options) => (await guilds.getAuditLog(guild, options)).entries,
};
