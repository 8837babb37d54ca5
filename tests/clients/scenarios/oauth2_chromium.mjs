// An application that is none of ours: it signs people in by oauth4webapi, a library of strict OAuth2,
// and invites its bot. The person is Chromium with the server's own web client and its consent page.
import { createServer } from "node:http";
import { once as happens } from "node:events";
import * as oauth from "oauth4webapi";
import { launch } from "./chromium.mjs";
import { attempt, check, demand } from "./report.mjs";

const { API, WEB, OWNER_TOKEN, GUILD, INVITE, PICTURES } = process.env;
const INSECURE = { [oauth.allowInsecureRequests]: true };

async function rest(method, path, body, token = OWNER_TOKEN) {
  const headers = { authorization: token, "content-type": "application/json" };
  const answer = await fetch(`${API}${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

// -- the application's own server: where people come back to ----------------------------------------
const returns = [];
const home = createServer((request, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>Back</title><p>Back at the application.</p>");
  if (request.url.startsWith("/back")) home.emit("back", new URL(request.url, base));
});
home.on("back", (url) => returns.push(url));
home.listen(0, "127.0.0.1");
await happens(home, "listening");
const base = `http://127.0.0.1:${home.address().port}`;
const BACK = `${base}/back?from=hall`;

const made = await rest("POST", "/applications", { name: "Ledger" });
await rest("PATCH", `/applications/${made.id}`, { redirect_uris: [BACK], description: "Keeps the books." });
const { secret } = await rest("POST", `/applications/${made.id}/reset`, {});

const server = {
  issuer: WEB,
  authorization_endpoint: `${API}/oauth2/authorize`,
  token_endpoint: `${API}/oauth2/token`,
  revocation_endpoint: `${API}/oauth2/token/revoke`,
};
const client = { client_id: made.id };
const by = oauth.ClientSecretBasic(secret);

// -- the person ---------------------------------------------------------------------------------------
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
const page = await context.newPage();
page.on("console", (message) => console.error(`console ${message.type()}: ${message.text()}`));
page.on("pageerror", (error) => console.error(`page error: ${error.stack}`));
await page.goto(`${WEB}/invite/${INVITE}`);
await page.fill("input[name=username]", "oda", { timeout: 15_000 });
await page.fill("input[name=password]", "correct horse battery");
await page.click("form button.primary");
await page.waitForFunction(() => window.__guildhall.gateway.state === "ready", null, { timeout: 20_000 });

/** Goes where the application sends people; what the library makes of where they come back. */
async function authorize(scope, answer, more = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  const query = {
    client_id: made.id, response_type: "code", redirect_uri: BACK, scope, state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more,
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const came = returns.length;
  await page.goto(url.href);
  await answer();
  await page.waitForURL((at) => at.origin === base, { timeout: 15_000 });
  const back = returns[came];
  demand(back, "nobody came back");
  return { back, state, verifier };
}

const shown = () => page.waitForSelector("[data-testid=consent-app]", { timeout: 15_000 });
const say = async (name) => {
  await shown();
  await page.getByRole("button", { name, exact: true }).click();
};

async function tokens({ back, state, verifier }) {
  const parameters = oauth.validateAuthResponse(server, client, back, state);
  const answer = await oauth.authorizationCodeGrantRequest(server, client, by, parameters, BACK, verifier, INSECURE);
  return oauth.processAuthorizationCodeResponse(server, client, answer);
}

async function resource(token, path) {
  const answer = await oauth.protectedResourceRequest(token, "GET", new URL(`${API}${path}`), undefined, undefined, INSECURE);
  return answer.json();
}

let first;
await attempt("a person allows it on the page, and it signs them in", async () => {
  const came = await authorize("identify guilds", async () => {
    await shown();
    if (PICTURES) await page.screenshot({ path: `${PICTURES}/consent.png` });
    await say("Allow");
  });
  demand(came.back.searchParams.get("from") === "hall", `the query it had is gone: ${came.back}`);
  first = await tokens(came);
  demand(first.token_type === "bearer" && first.scope === "identify guilds", JSON.stringify(first));
  const me = await resource(first.access_token, "/users/@me");
  demand(me.username === "oda" && !("email" in me), JSON.stringify(me));
  const guilds = await resource(first.access_token, "/users/@me/guilds");
  demand(guilds.some((guild) => guild.id === GUILD), JSON.stringify(guilds));
  return me.id;
});

await attempt("a person says no, and it hears of it", async () => {
  const { back, state } = await authorize("identify", () => say("Cancel"));
  try {
    oauth.validateAuthResponse(server, client, back, state);
  } catch (error) {
    demand(error.error === "access_denied", `${error.error}: ${error.error_description}`);
    return;
  }
  throw new Error(`no error: ${back}`);
});

await attempt("who allowed it before is not asked again by prompt=none", async () => {
  const again = await tokens(await authorize("identify", async () => {}, { prompt: "none" }));
  demand(again.access_token && again.access_token !== first.access_token, "no new token");
});

await attempt("tokens are renewed, and a renewed one shown again ends them", async () => {
  const renew = async (token) => {
    const answer = await oauth.refreshTokenGrantRequest(server, client, by, token, INSECURE);
    return oauth.processRefreshTokenResponse(server, client, answer);
  };
  const second = await renew(first.refresh_token);
  demand((await resource(second.access_token, "/oauth2/@me")).user.username === "oda", "not oda's");
  const reused = await renew(first.refresh_token).catch((error) => error);
  demand(reused.error === "invalid_grant", String(reused));
  const ended = await resource(second.access_token, "/users/@me").catch((error) => error);
  demand(String(ended.message ?? ended.status ?? ended).length > 0 && !ended.username, JSON.stringify(ended));
});

await attempt("a token is revoked", async () => {
  const { access_token: token } = await tokens(await authorize("identify", () => say("Allow")));
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, by, token, INSECURE));
  const ended = await resource(token, "/users/@me").catch((error) => error);
  demand(!ended.username, JSON.stringify(ended));
});

await attempt("a client by itself gets a token without asking", async () => {
  const answer = await oauth.clientCredentialsGrantRequest(server, client, by, { scope: "identify" }, INSECURE);
  const { access_token: token } = await oauth.processClientCredentialsResponse(server, client, answer);
  demand((await resource(token, "/users/@me")).username, "nobody's");
});

await attempt("a link that is wrong does not lead away by itself", async () => {
  await page.goto(`${server.authorization_endpoint}?client_id=${made.id}&response_type=code&scope=rpc&redirect_uri=${encodeURIComponent(BACK)}`);
  const back = page.getByRole("link", { name: /Go back to/ });
  await back.waitFor({ timeout: 15_000 });
  demand((await back.getAttribute("href")).startsWith(`${base}/back?from=hall&error=invalid_scope&`), await back.getAttribute("href"));
  await page.goto(`${server.authorization_endpoint}?client_id=${made.id}&response_type=code&scope=identify&redirect_uri=${encodeURIComponent(`${base}/other`)}`);
  await page.getByRole("alert").waitFor({ timeout: 15_000 });
  demand((await page.getByRole("link", { name: /Go back to/ }).count()) === 0, "a stranger's address is offered");
});

await attempt("the page is shown in no frame", async () => {
  const answer = await fetch(`${WEB}/oauth2/authorize?client_id=${made.id}`);
  demand(answer.headers.get("x-frame-options") === "DENY", "x-frame-options");
  demand(answer.headers.get("content-security-policy").includes("frame-ancestors 'none'"), "frame-ancestors");
});

await attempt("a bot is invited on the page, with what its bringer leaves it", async () => {
  const role = await rest("POST", `/guilds/${GUILD}/roles`, { name: "stewards", permissions: "3104" });
  const oda = await resource((await tokens(await authorize("identify", () => say("Allow")))).access_token, "/users/@me");
  await rest("PUT", `/guilds/${GUILD}/members/${oda.id}/roles/${role.id}`);
  const url = `${server.authorization_endpoint}?client_id=${made.id}&scope=bot%20applications.commands&permissions=3072&guild_id=${GUILD}`;
  await page.goto(url);
  await shown();
  await page.getByLabel("Send messages").uncheck();
  if (PICTURES) await page.screenshot({ path: `${PICTURES}/consent-bot.png` });
  await say("Allow");
  await page.waitForURL(/\/oauth2\/authorized$/, { timeout: 15_000 });
  const bot = await rest("GET", `/guilds/${GUILD}/members/${made.id}`);
  const roles = await rest("GET", `/guilds/${GUILD}/roles`);
  const own = roles.find((one) => one.id === bot.roles[0]);
  demand(own.managed && own.permissions === "1024" && own.tags.bot_id === made.id, JSON.stringify(own));
  const [integration] = await rest("GET", `/guilds/${GUILD}/integrations`);
  demand(integration.user.username === "oda", JSON.stringify(integration));
});

await browser.close();
home.close();
check("ends", true);
