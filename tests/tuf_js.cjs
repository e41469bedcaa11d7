// One act of tuf-js for tests/tuf_clients.py: `refresh`, or `download` of a target. What it refuses is an answer.
"use strict";

const { Updater } = require("tuf-js");

const [act, url, folder, path] = process.argv.slice(2);

async function answer() {
  const updater = new Updater({
    metadataDir: `${folder}/metadata`,
    metadataBaseUrl: `${url}/tuf/metadata/`,
    targetDir: `${folder}/targets`,
    targetBaseUrl: `${url}/tuf/targets/`,
  });
  await updater.refresh();
  if (act === "refresh") return {};
  const target = await updater.getTargetInfo(path);
  return target ? { downloaded: await updater.downloadTarget(target) } : { missing: true };
}

answer()
  .catch((error) => ({ refused: `${error.constructor.name}: ${error.message} ${error.statusCode ?? ""}`.trim() }))
  .then((said) => console.log(JSON.stringify(said)));
