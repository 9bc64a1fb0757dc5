// What went wrong, one cause: what was picked (rows.js) is sent again, marked as sent or discarded.

import "./rows.js"

const bar = document.getElementById("bulk")

// Only a discard wants a reason, and each button has its own question.
bar?.addEventListener("click", event => {
  const button = event.target.closest("button[name=what]")
  if (!button) return
  bar.elements.reason.required = button.value === "discard"
  if (button.dataset.ask) bar.setAttribute("hx-confirm", button.dataset.ask)
  else bar.removeAttribute("hx-confirm")
})
