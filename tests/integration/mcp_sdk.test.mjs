// A client made with the official SDK, over each transport. Run by node --test, from build/node.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import WebSocket from "ws";

// The SDK's transport is made for browsers, which bring their own.
globalThis.WebSocket ??= WebSocket;

const token = "the-token-of-this-test";
const folder = mkdtempSync(join(tmpdir(), "celldeck-sdk-"));
let server;
let address;

before(async () => {
  const cells = ["x = 6", "print(x * 7)\nx"].map((source, i) => ({
    cell_type: "code", id: `c${i}`, execution_count: null, metadata: {}, outputs: [], source,
  }));
  const kernelspec = { name: "python3", display_name: "Python 3", language: "python" };
  for (const name of ["http.ipynb", "ws.ipynb"])
    writeFileSync(join(folder, name),
      JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
  server = spawn(process.env.CELLDECK,
    ["serve", "--port", "0", "--data-dir", join(folder, "data"), "--workspace", folder],
    { env: { ...process.env, CELLDECK_TOKEN: token }, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout })) {
    address = line.match(/listening on (http:\S+)\/mcp/)?.[1];
    if (address) break;
  }
  assert.ok(address, "celldeck serve said where it listens");
});

after(async () => {
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  assert.equal(await ended, 0);
  rmSync(folder, { recursive: true });
});

const transports = {
  http: () => new StreamableHTTPClientTransport(new URL(`${address}/mcp`),
    { requestInit: { headers: { Authorization: `Bearer ${token}` } } }),
  ws: () => new WebSocketClientTransport(
    new URL(`${address.replace("http", "ws")}/ws?token=${token}`)),
};

for (const [name, open] of Object.entries(transports)) {
  test(`a cell runs over ${name}`, async () => {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(open());
    assert.equal(client.getServerVersion().name, "celldeck");

    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name);
    for (const wanted of ["start_kernel", "run_cell_async", "run_all_cells",
      "get_execution_status", "wait_for_task", "list_tasks", "stop_kernel"])
      assert.ok(names.includes(wanted), wanted);
    for (const tool of tools) {
      assert.ok(tool.title && tool.description && tool.outputSchema, tool.name);
      assert.equal(typeof tool.annotations.readOnlyHint, "boolean", tool.name);
    }

    const notebook_path = `${name}.ipynb`;
    // The client checks each structured result against the tool's output schema.
    const call = async (tool, args) => {
      const result = await client.callTool({ name: tool, arguments: args });
      assert.ok(!result.isError, `${tool}: ${result.content?.[0]?.text}`);
      assert.equal(result.content[0].type, "text");
      return result.structuredContent;
    };
    await call("start_kernel", { notebook_path });
    await call("run_cell_async", { notebook_path, index: 0 });
    const { task_id } = await call("run_cell_async", { notebook_path, index: 1 });
    const done = await call("wait_for_task", { task_id, timeout_s: 60 });
    assert.equal(done.status, "completed");
    assert.equal(done.outputs[0].text, "42\n");
    assert.equal(done.outputs[1].data["text/plain"], "6");
    const status = await call("get_execution_status", { notebook_path, task_id });
    assert.equal(status.execution_count, 2);
    const all = await call("run_all_cells", { notebook_path });
    assert.equal(all.task_ids.length, 2);
    await call("wait_for_task", { task_id: all.task_ids[1], timeout_s: 60 });
    assert.ok((await call("list_tasks", {})).tasks.length >= 4);
    await call("stop_kernel", { notebook_path });

    const wrong = await client.callTool(
      { name: "run_cell_async", arguments: { notebook_path, index: "one" } });
    assert.ok(wrong.isError);
    assert.match(wrong.content[0].text, /index/);
    assert.equal(wrong._meta["celldeck/error"].code, "invalid_argument");
    await client.close();
  });
}

test("a wrong token is refused", async () => {
  const http = new Client({ name: "test", version: "1" });
  await assert.rejects(http.connect(new StreamableHTTPClientTransport(
    new URL(`${address}/mcp`), { requestInit: { headers: { Authorization: "Bearer no" } } })));
  const code = await new Promise((resolve) => {
    const socket = new WebSocket(`${address.replace("http", "ws")}/ws?token=no`, "mcp");
    socket.on("close", resolve);
    socket.on("error", resolve);
  });
  assert.equal(code, 1008);
});
