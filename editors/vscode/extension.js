"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

/** The client of the running language server. */
let client;

/** Starts the language server of the obuilder command that is set. */
function startClient() {
  const { command, args, store } = vscode.workspace.getConfiguration("obuilder");
  const server = {
    command: command || "obuilder",
    args: [...(args || []), "language-server", "--stdio", ...(store ? [`--store=${store}`] : [])],
  };
  client = new LanguageClient("obuilder", "OBuilder", server, {
    documentSelector: [{ language: "obuilder" }],
  });
  return client.start();
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("obuilder.restartServer", async () => {
      await client?.stop();
      await startClient();
    }),
  );
  await startClient();
}

async function deactivate() {
  await client?.stop();
}

module.exports = { activate, deactivate };
