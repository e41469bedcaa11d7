// Uploading files from a page: one request a file, two at a time, each with its progress and its faults beside it.
"use strict";

{
  const form = document.querySelector("form.upload");
  const chooser = form.querySelector("input[type=file]");
  const button = form.querySelector("button");
  const list = document.querySelector("ol.uploads");
  const overall = document.getElementById("overall");
  const limit = Number(form.dataset.limit);
  const AT_ONCE = 2;
  const rows = [];

  const element = (tag, className, text = "") => {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
  };

  const size = (bytes) => (bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`);

  const tell = (row, state, sentences, warnings = []) => {
    row.state = state;
    row.item.dataset.state = state;
    row.bar.hidden = state !== "sending";
    const kind = state === "refused" || state === "failed" ? "fault" : "aside";
    row.said.replaceChildren(
      ...sentences.map((sentence) => element("p", kind, sentence)),
      ...warnings.map((sentence) => element("p", "warning", sentence)),
    );
    row.remove.hidden = state === "sending" || state === "received";
    const count = (wanted) => rows.filter((each) => each.state === wanted).length;
    button.disabled = !count("chosen") && !count("failed");
    button.textContent = count("failed") && !count("chosen") ? "Try again" : "Upload";
    const warned = rows.filter((each) => each.state === "received" && each.said.querySelector(".warning")).length;
    const parts = [[count("received"), "received"], [warned, "of them with a warning"], [count("refused"), "refused"], [count("failed"), "to try again"], [count("sending"), "on the way"]];
    overall.textContent = parts.filter(([number]) => number).map(([number, word]) => `${number} ${word}`).join(", ");
  };

  const add = (files) => {
    for (const file of files) {
      const item = element("li", "");
      const row = { file, item, bar: document.createElement("progress"), said: element("div", "said") };
      row.remove = element("button", "act plain", "Remove");
      row.remove.type = "button";
      row.remove.setAttribute("aria-label", `Remove ${file.name}`);
      row.remove.addEventListener("click", () => {
        rows.splice(rows.indexOf(row), 1);
        item.remove();
        button.disabled = !rows.some((each) => each.state === "chosen" || each.state === "failed");
      });
      row.bar.max = 1;
      row.bar.setAttribute("aria-label", `Progress of ${file.name}`);
      const name = element("span", "filename", file.name);
      item.append(name, element("span", "count", size(file.size)), row.remove, row.bar, row.said);
      list.append(item);
      rows.push(row);
      const tooLarge = file.size > limit ? [`It is larger than ${size(limit)}, the most that this index takes.`] : [];
      tell(row, tooLarge.length ? "refused" : "chosen", tooLarge);
    }
  };

  const LATER = [0, 401, 408, 429, 503]; // nothing is wrong with the file

  const token = () => {
    const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
    return cookie ? cookie[1] : form.elements.csrfmiddlewaretoken.value;
  };

  const answered = (request) => {
    try {
      const told = JSON.parse(request.responseText);
      return [told.faults || [told.message], told.warnings || []];
    } catch {
      return [[`The index answered ${request.status || "nothing"}; try again in a minute.`], []];
    }
  };

  const send = (row) => new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("PUT", form.dataset.to + encodeURIComponent(row.file.name));
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-CSRFToken", token());
    request.upload.addEventListener("progress", (event) => { row.bar.value = event.loaded / event.total; });
    request.addEventListener("loadend", () => {
      const state = request.status === 200 ? "received" : LATER.includes(request.status) ? "failed" : "refused";
      tell(row, state, ...answered(request));
      done();
    });
    tell(row, "sending", []);
    request.send(row.file);
  });

  const work = async () => {
    for (;;) {
      const next = rows.find((row) => row.state === "chosen");
      if (!next) return;
      await send(next);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    rows.filter((row) => row.state === "failed").forEach((row) => tell(row, "chosen", []));
    for (let worker = 0; worker < AT_ONCE; worker += 1) work();
  });
  chooser.addEventListener("change", () => { add(chooser.files); chooser.value = ""; });

  const drop = form.querySelector(".drop");
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") add(event.dataTransfer.files);
    });
  }
}
