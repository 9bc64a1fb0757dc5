// The table of orders: what was picked (rows.js) is moved to a stage, some stages ask why.

import "./rows.js"

const bar = document.getElementById("bulk")

bar?.elements.stage.addEventListener("change", ({ target }) => {
  const reasons = target.selectedOptions[0].dataset.reasons
  const field = bar.elements.reason
  field.hidden = field.disabled = reasons === undefined
  document.getElementById("bulk-reasons").replaceChildren(
    ...(reasons ?? "").split("\n").filter(Boolean).map(reason => new Option(reason, reason)))
})

document.addEventListener("columns:chosen", () => document.dispatchEvent(new CustomEvent("rows:changed")))
