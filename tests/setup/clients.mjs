// GitHub's own clients, and smee's, at work; the answers are read by test_other_clients.py.
import { readFileSync } from "node:fs";
import { createAppAuth } from "@octokit/auth-app";
import { request } from "@octokit/request";
import { Webhooks } from "@octokit/webhooks";
import SmeeClient from "smee-client";

const told = JSON.parse(readFileSync(0, "utf8"));

const doings = {
  async auth({ appId, privateKey, baseUrl, installationId }) {
    const auth = createAppAuth({ appId, privateKey, request: request.defaults({ baseUrl }) });
    const { token, permissions } = await auth({ type: "installation", installationId });
    const ask = request.defaults({ baseUrl, headers: { authorization: `token ${token}` } });
    const { data } = await ask("GET /installation/repositories");
    return { permissions, repositories: data.repositories.map((one) => one.full_name) };
  },
  async webhooks({ secret, deliveries }) {
    const webhooks = new Webhooks({ secret });
    const heard = [];
    webhooks.onAny(({ id, name, payload }) => heard.push([id, name, payload.action ?? null]));
    for (const { id, name, payload, signature } of deliveries) {
      await webhooks.verifyAndReceive({ id, name, payload, signature });
    }
    const { payload, signature } = deliveries[0];
    return { heard, forged: await webhooks.verify(`${payload} `, signature) };
  },
  async smee({ source, target }) {
    const quiet = { info() {}, error: console.error };
    const client = new SmeeClient({ source, target, logger: quiet });
    await client.start();
    console.log("listening");
    await new Promise(() => {});
  },
};

console.log(JSON.stringify(await doings[told.do](told)));
