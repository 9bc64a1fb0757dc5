// The composer: a text is never lost and never sent twice. It has a name (client id) from the moment
// somebody presses Enter; the server makes one message of it, however often it is asked to.

const part = id => document.getElementById(id)
const conversation = () => part("open")?.dataset.conversation
const LARGEST = 30 * 1024 * 1024

// --- what is kept while somebody looks elsewhere -----------------------------------------------------

const kept = (name, id) => JSON.parse(sessionStorage.getItem(`${name}:${id}`) ?? "null")

function keep(name, id, value) {
  if (value) sessionStorage.setItem(`${name}:${id}`, JSON.stringify(value))
  else sessionStorage.removeItem(`${name}:${id}`)
}

function draft() {
  const text = part("answer")?.value ?? ""
  keep("draft", conversation(), text || quoted ? { text, quoted } : null)
}

let quoted // the message being answered: {wamid, name, words}
let attached // the file to go with the text

function takeUp() {
  attached = quoted = undefined
  awaitClosing()
  const box = part("answer")
  if (!box) return
  const { text = "", quoted: was } = kept("draft", conversation()) ?? {}
  box.value = text
  box.dispatchEvent(new Event("input", { bubbles: true }))
  if (was) quote(was)
}

function arrive() {
  takeUp()
  for (const entry of kept("unsent", conversation()) ?? []) putBack(entry)
}

document.addEventListener("conversation:opened", arrive)

// --- sending -----------------------------------------------------------------------------------------

const under = new Map() // client id → what is under way in this tab
let last = Promise.resolve()

document.addEventListener("submit", event => {
  if (event.target.id !== "writer") return
  event.preventDefault()
  const text = part("answer").value.trim()
  if ((!text && !attached) || over()) return
  const entry = { id: conversation(), client: name(), text, quoted, file: attached }
  Object.assign(entry, { url: entry.file ? event.target.dataset.files : event.target.action })
  clear()
  under.set(entry.client, entry)
  if (!entry.file) remember(entry)
  showPending(entry)
  toEnd()
  send(entry)
})

// One after the other: two quick lines arrive in the order they were written.
function send(entry) {
  last = last.then(() => post(entry))
}

async function post(entry) {
  const body = new FormData()
  body.set("text", entry.text)
  body.set("client_id", entry.client)
  if (entry.quoted) body.set("reply_to", entry.quoted.wamid)
  if (entry.file) body.set("file", entry.file)
  let why = ""
  try {
    const answer = await fetch(entry.url, {
      method: "POST", body, headers: { Accept: "application/json" }, keepalive: !entry.file,
    })
    const said = await answer.json()
    if (answer.ok) return arrived(entry, said.html)
    why = said.error?.message ?? ""
    if (answer.status === 409) look() // the window may have closed: then this box must go
  } catch { /* no connection, or an answer that is none: the person decides */ }
  failed(entry, why)
}

function arrived(entry, html) {
  under.delete(entry.client)
  forget(entry)
  const stand = standIn(entry)
  if (!stand) return
  const parsed = document.createElement("template")
  parsed.innerHTML = html.trim()
  const bubble = parsed.content.firstElementChild
  stand.nextElementSibling?.matches(".bubble-problem") && stand.nextElementSibling.remove()
  if (document.querySelector(`#newest [data-client="${entry.client}"]`)) return stand.remove()
  stand.replaceWith(...parsed.content.childNodes)
  htmx.process(bubble)
}

function failed(entry, why) {
  under.delete(entry.client)
  const stand = standIn(entry)
  if (!stand) return
  stand.classList.add("bubble-failed")
  const trouble = part("unsent-trouble").content.firstElementChild.cloneNode(true)
  trouble.dataset.client = entry.client
  if (why) trouble.querySelector("[data-why]").textContent = why
  stand.nextElementSibling?.matches(".bubble-problem") && stand.nextElementSibling.remove()
  stand.after(trouble)
  troubles.set(entry.client, entry)
  toEnd()
}

const troubles = new Map()

function showPending(entry) {
  const bubble = part("sending").content.firstElementChild.cloneNode(true)
  bubble.dataset.client = entry.client
  bubble.querySelector(".bubble-text").textContent = [entry.file && `📎 ${entry.file.name}`, entry.text].filter(Boolean).join("\n")
  part("pending").append(bubble)
}

// After a reload or on coming back: under way, there already, or to be decided.
function putBack(entry) {
  if (document.querySelector(`[data-client="${entry.client}"]`)) return forget(entry)
  showPending(entry)
  if (!under.has(entry.client)) failed(entry, "")
}

document.addEventListener("click", event => {
  const trouble = event.target.closest(".bubble-problem[data-client]")
  const entry = trouble && troubles.get(trouble.dataset.client)
  if (!entry) return
  if (event.target.closest("[data-retry]")) {
    standIn(entry).classList.remove("bubble-failed")
    trouble.remove()
    under.set(entry.client, entry)
    return send(entry)
  }
  const back = event.target.closest("[data-take-back]")
  if (!back && !event.target.closest("[data-forget]")) return
  forget(entry)
  standIn(entry).remove()
  trouble.remove()
  if (back) write(entry.text)
})

function write(text) {
  const box = part("answer")
  if (!box) return keep("draft", conversation(), { text })
  box.value = [box.value, text].filter(Boolean).join("\n")
  box.dispatchEvent(new Event("input", { bubbles: true }))
  box.focus()
}

const standIn = ({ client }) => document.querySelector(`#pending .bubble[data-client="${client}"]`)

function remember({ id, client, text, quoted, url }) {
  keep("unsent", id, [...(kept("unsent", id) ?? []), { id, client, text, quoted, url }])
}

function forget({ id, client }) {
  const left = (kept("unsent", id) ?? []).filter(entry => entry.client !== client)
  keep("unsent", id, left.length ? left : null)
}

// crypto.randomUUID is missing on a plain-http address of a local network.
function name() {
  if (crypto.randomUUID) return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6] & 15) | 64
  bytes[8] = (bytes[8] & 63) | 128
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("")
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5")
}

function toEnd() {
  part("thread").scrollTop = 0
}

window.addEventListener("beforeunload", event => {
  if ([...under.values()].some(({ file }) => file)) event.preventDefault()
})

// --- writing -----------------------------------------------------------------------------------------

function clear() {
  part("answer").value = ""
  unquote()
  detach()
  part("answer").dispatchEvent(new Event("input", { bubbles: true }))
}

document.addEventListener("input", event => {
  if (event.target.id !== "answer") return
  draft()
  count()
})

const limit = () => Number(attached ? part("writer").dataset.limitCaption : part("writer").dataset.limit)
const over = () => [...part("answer").value].length > limit()

function count() {
  const length = [...part("answer").value].length
  const shown = part("count")
  shown.hidden = length < limit() - 300
  shown.textContent = `${length} / ${limit()}`
  shown.toggleAttribute("data-over", over())
  part("send").disabled = over()
}

// --- answering one message -----------------------------------------------------------------------------

document.addEventListener("click", event => {
  const reply = event.target.closest("[data-reply]")
  if (reply && part("writer")) {
    const bubble = part(reply.dataset.replyTo)
    const words = bubble.querySelector(".bubble-text, .bubble-title, .bubble-tap, .bubble-file")?.textContent.trim() ?? ""
    quote({ wamid: reply.dataset.reply, name: reply.dataset.replyName, words: words.slice(0, 120) })
    part("answer").focus()
  }
  // A sentence that is ready, about one message: nobody sends it but a person.
  const ask = event.target.closest("[data-ask]")
  if (ask && part("writer")) {
    part(ask.dataset.askAbout).querySelector("[data-reply]")?.click()
    part("answer").value = ask.dataset.ask
    part("answer").dispatchEvent(new Event("input", { bubbles: true }))
    part("answer").focus()
  }
  if (event.target.closest("[data-unreply]")) unquote()
  if (event.target.closest("[data-unattach]")) detach()
})

function quote(message) {
  quoted = message
  part("replying").hidden = false
  part("replying").querySelector("[data-name]").textContent = message.name
  part("replying").querySelector("[data-words]").textContent = message.words
  draft()
}

function unquote() {
  quoted = undefined
  part("replying").hidden = true
  draft()
}

// --- files -----------------------------------------------------------------------------------------------

document.addEventListener("change", event => {
  if (event.target.id === "file" && event.target.files[0]) attach(event.target.files[0])
})
document.addEventListener("paste", event => {
  if (!event.target.closest?.("#writer") || !event.clipboardData.files[0]) return
  event.preventDefault()
  attach(event.clipboardData.files[0])
})
document.addEventListener("dragover", event => {
  if (!event.target.closest?.(".pane-thread") || !part("writer") || !event.dataTransfer.types.includes("Files")) return
  event.preventDefault()
  part("composer").toggleAttribute("data-drop", true)
})
document.addEventListener("dragleave", event => {
  if (!event.relatedTarget) part("composer")?.removeAttribute("data-drop")
})
document.addEventListener("drop", event => {
  if (!part("composer")?.hasAttribute("data-drop")) return
  event.preventDefault()
  part("composer").removeAttribute("data-drop")
  if (event.dataTransfer.files[0]) attach(event.dataTransfer.files[0])
})

function attach(file) {
  if (file.size > LARGEST) return say(part("attached").dataset.tooLarge)
  detach()
  attached = file
  const shown = part("attached")
  const thumb = shown.querySelector("[data-thumb]")
  shown.hidden = false
  shown.querySelector("[data-name]").textContent = file.name
  shown.querySelector("[data-words]").textContent = `${Math.max(1, Math.round(file.size / 1024))} KB`
  thumb.hidden = !file.type.startsWith("image/")
  if (!thumb.hidden) thumb.src = URL.createObjectURL(file)
  count()
  part("answer").focus()
}

function detach() {
  const thumb = part("attached").querySelector("[data-thumb]")
  if (thumb.src) URL.revokeObjectURL(thumb.src)
  thumb.removeAttribute("src")
  attached = undefined
  part("attached").hidden = true
  part("file").value = ""
  count()
}

const say = text => document.dispatchEvent(new CustomEvent("toasts", { detail: { notes: [{ text, kind: "bad" }] } }))

// --- the window opens and closes under our hands -----------------------------------------------------------

let closing

function awaitClosing() {
  clearTimeout(closing)
  const closes = Date.parse(part("composer")?.dataset.closes)
  if (closes) closing = setTimeout(look, Math.max(0, closes - Date.now()) + 500)
}

// The server knows the window: ask it, the head of the thread comes along and tells.
function look() {
  part("newest")?.dispatchEvent(new CustomEvent("live"))
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const [head, composer] = [part("head"), part("composer")]
  if (ctx.target?.id === "composer" || ctx.sourceElement?.id === "fill") composerCame()
  if (ctx.target?.id === "template" && part("fill")) templateCame()
  if (!head || !composer || head.dataset.window === composer.dataset.window) return
  composer.dataset.window = head.dataset.window
  // Nobody who fills in a template loses it because the customer wrote just now.
  if (part("fill")) part("picker").dataset.window = head.dataset.window
  else htmx.ajax("GET", composer.dataset.again, { target: "#composer", swap: "outerHTML" })
})

function composerCame() {
  takeUp()
  const field = part("answer") ?? part("picker-search")
  if (!document.activeElement || document.activeElement === document.body) field?.focus({ preventScroll: true })
  if (part("picker-language")) sift()
}

// --- ready messages ------------------------------------------------------------------------------------------

function templateCame() {
  part("template").scrollIntoView({ block: "nearest" })
  const fields = [...part("fill").querySelectorAll("input:not([type=hidden])")]
  const wrong = fields.find(field => field.getAttribute("aria-invalid"))
  ;(wrong ?? fields.find(field => !field.value) ?? part("fill").querySelector(".send")).focus({ preventScroll: true })
}

function sift() {
  const wanted = plain(part("picker-search").value)
  const [language, category] = ["picker-language", "picker-category"].map(id => part(id)?.value ?? "")
  let found = 0
  for (const item of part("picker-list").querySelectorAll(".picker-item")) {
    item.hidden = !plain(item.dataset.name).includes(wanted)
      || (language && item.dataset.language !== language)
      || (category && item.dataset.category !== category)
    found += !item.hidden
  }
  part("picker-none").hidden = found > 0
}

const plain = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
const PICKS = "#picker-search, #picker-language, #picker-category"

document.addEventListener("input", event => event.target.matches?.(PICKS) && sift())
document.addEventListener("click", event => {
  const chosen = event.target.closest(".picker-item")
  if (!chosen) return
  for (const item of part("picker-list").querySelectorAll(".picker-item")) item.setAttribute("aria-pressed", item === chosen)
})
document.addEventListener("keydown", event => {
  if (event.key === "Enter" && event.target.id === "picker-search") {
    event.preventDefault()
    part("picker-list").querySelector(".picker-item:not([hidden], [disabled])")?.click()
  }
  if (event.key === "Escape" && event.target.closest?.("#picker")) part("picker").querySelector("[data-escape]")?.click()
})

arrive()
