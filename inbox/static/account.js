// Recovery codes are printed.

document.addEventListener("click", event => event.target.closest("[data-print]") && window.print())
