// The pick list: its button opens the browser's own print dialog.

document.addEventListener("click", event => event.target.closest("[data-print]") && print())
