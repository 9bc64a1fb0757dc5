// Pictures of a thread, large: arrows walk through them, Escape goes back to where one was.

const box = document.getElementById("lightbox")
const whole = box.querySelector("[data-whole]")
const pictures = () => [...document.querySelectorAll("#thread a[data-lightbox]")]

let here

document.addEventListener("click", event => {
  const link = event.target.closest("a[data-lightbox]")
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return
  event.preventDefault()
  show(link)
  box.showModal()
})

box.addEventListener("click", event => {
  const step = event.target.closest("[data-step]")
  if (step) return walk(Number(step.dataset.step))
  if (event.target === box || event.target.closest("[data-shut]")) box.close()
})

box.addEventListener("keydown", event => {
  const forwards = document.dir === "rtl" ? -1 : 1
  const step = { ArrowRight: forwards, ArrowLeft: -forwards }[event.key]
  if (!step) return
  event.preventDefault()
  walk(step)
})

box.addEventListener("close", () => {
  whole.removeAttribute("src")
  if (here?.isConnected) here.focus({ preventScroll: true })
})

function walk(step) {
  const all = pictures()
  const next = all[all.indexOf(here) + step]
  if (next) show(next)
}

function show(link) {
  here = link
  const all = pictures()
  const place = all.indexOf(link)
  whole.src = link.href
  whole.alt = link.querySelector("img").alt
  box.querySelector("[data-save]").href = link.dataset.save
  box.querySelector("[data-count]").textContent = all.length > 1 ? `${place + 1} / ${all.length}` : ""
  box.querySelector("[data-words]").textContent = link.parentElement.querySelector(":scope > .bubble-text")?.textContent ?? ""
  box.querySelector("[data-step='-1']").disabled = place === 0
  box.querySelector("[data-step='1']").disabled = place === all.length - 1
}
