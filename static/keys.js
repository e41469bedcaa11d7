// The key / goes to the search field, as long as nobody is typing elsewhere.
"use strict";

document.addEventListener("keydown", (event) => {
  const field = document.querySelector('input[type="search"]');
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (!field || typing || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  field.focus();
  field.select();
});
