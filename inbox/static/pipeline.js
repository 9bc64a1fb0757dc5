// The stages under the hand: dragged by their grip, or walked up and down by their buttons.
// The server decides; where it says no, it sends the list as it stands.

const section = () => document.getElementById("stages")
const list = () => section().querySelector(".stages")
const ids = () => [...list().querySelectorAll("[data-stage]")].map(stage => stage.dataset.stage).join(" ")

let dragging = false
let waiting = false

async function save(stage, focus) {
  const order = ids()
  section().classList.add("stages-busy")
  let status = 0
  section().addEventListener("htmx:after:request", event => { status = event.detail.ctx.response.status }, { once: true })
  await htmx.ajax("POST", list().dataset.order, { source: section(), target: section(), swap: "outerMorph", values: { ids: order } })
  section().classList.remove("stages-busy")
  if (status < 200 || status > 299) section().dispatchEvent(new CustomEvent("live"))
  else tell(stage)
  const here = document.getElementById(`stage-${stage}`)
  const button = here?.querySelector(focus)
  if (button) (button.disabled ? here.querySelector(".stage-buttons button:not([disabled])") : button).focus()
}

function tell(stage) {
  const said = document.getElementById("pipeline-said")
  const here = document.getElementById(`stage-${stage}`)
  const place = ids().split(" ").indexOf(stage) + 1
  said.textContent = said.dataset.say.replace("{stage}", here.querySelector(".stage-name").textContent).replace("{place}", place)
}

document.addEventListener("click", event => {
  const button = event.target.closest("[data-up], [data-down]")
  const stage = button?.closest("[data-stage]")
  if (!stage) return
  if ("up" in button.dataset) stage.previousElementSibling?.before(stage)
  else stage.nextElementSibling?.after(stage)
  save(stage.dataset.stage, "up" in button.dataset ? "[data-up]" : "[data-down]")
})

function arm() {
  if (!section() || Sortable.get(list())) return
  new Sortable(list(), {
    handle: ".stage-grip",
    draggable: ".stage",
    animation: 120,
    forceFallback: true,
    fallbackTolerance: 4,
    ghostClass: "stage-ghost",
    dragClass: "stage-drag",
    onStart: () => { dragging = true },
    onEnd({ item, oldIndex, newIndex }) {
      dragging = false
      if (oldIndex !== newIndex) save(item.dataset.stage, ".stage-name")
      else if (waiting) section().dispatchEvent(new CustomEvent("live"))
      waiting = false
    },
  })
}

// News never moves the ground under a hand that drags: it waits until that is over.
document.addEventListener("live", event => {
  if (!dragging || !section()?.contains(event.target)) return
  event.stopImmediatePropagation()
  waiting = true
}, true)

document.addEventListener("htmx:after:swap", arm)
arm()
