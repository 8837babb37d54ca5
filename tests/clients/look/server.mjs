// A server of its own for whoever looks at the web client: started in an empty folder, spoken to
// by REST, stopped and started again at will.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, openSync, closeSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A port that is free for TCP and for UDP: the server takes both. */
async function freePort() {
  for (;;) {
    const tcp = createServer();
    await new Promise((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address();
    const udp = createSocket("udp4");
    const free = await new Promise((resolve) => {
      udp.once("error", () => resolve(false));
      udp.bind(port, "127.0.0.1", () => resolve(true));
    });
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
    if (free) return port;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Server {
  static async start(binary) {
    const server = new Server();
    server.binary = binary;
    server.folder = mkdtempSync(join(tmpdir(), "guildhall-look-"));
    server.log = join(server.folder, "log");
    server.port = await freePort();
    server.privatePort = await freePort();
    // Browsers take plain http from this machine for secure.
    server.base = `http://localhost:${server.port}`;
    await server.resume();
    return server;
  }

  async resume() {
    const log = openSync(this.log, "a");
    this.process = spawn(this.binary, ["serve", "--data-dir", join(this.folder, "data"), "--listen", `127.0.0.1:${this.port}`], {
      env: { ...process.env, GUILDHALL__SERVER__PRIVATE_LISTEN: `127.0.0.1:${this.privatePort}` },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    for (let turn = 0; turn < 300; turn += 1) {
      const answer = await fetch(`http://127.0.0.1:${this.privatePort}/readyz`).catch(() => null);
      if (answer?.ok) return;
      if (this.process.exitCode !== null) break;
      await pause(100);
    }
    throw new Error(`the server did not start:\n${readFileSync(this.log, "utf8").slice(-2000)}`);
  }

  async pause() {
    if (this.process.exitCode !== null) return;
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGTERM");
    await gone;
  }

  async end() {
    await this.pause();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The code of the owner's invitation, which the server printed. */
  get ownerInvite() {
    return /\/invite\/([A-Za-z0-9_-]+)/.exec(readFileSync(this.log, "utf8"))[1];
  }

  /** One REST request; waits where the server says so. */
  async rest(token, method, path, body) {
    for (;;) {
      const form = body instanceof FormData;
      const answer = await fetch(`${this.base}/api/v10${path}`, {
        method,
        headers: { ...(token ? { Authorization: token } : {}), ...(body && !form ? { "Content-Type": "application/json" } : {}) },
        body: body && !form ? JSON.stringify(body) : body,
      });
      const text = await answer.text();
      if (answer.status === 429) {
        await pause(JSON.parse(text).retry_after * 1000 + 20);
        continue;
      }
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : null;
    }
  }
}
