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
let attached = [] // the files to go with the text: {file, voice}

function takeUp() {
  attached = []
  quoted = undefined
  typedAt = 0
  recording?.drop()
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
  if ((!text && !attached.length) || over()) return
  const { files } = event.target.dataset
  const pieces = attached.length ? attached : [{}]
  const entries = pieces.map(({ file, voice, snippet }, n) => ({
    id: conversation(), client: name(), file, voice, snippet, url: file ? files : event.target.action,
    text: n ? "" : text, quoted: n ? undefined : quoted,
  }))
  clear()
  for (const entry of entries) {
    under.set(entry.client, entry)
    if (!entry.file) remember(entry)
    showPending(entry)
    send(entry)
  }
  toEnd()
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
  if (entry.snippet) body.set("snippet", entry.snippet)
  else if (entry.file) body.set("file", entry.file)
  if (entry.voice) body.set("voice", 1)
  let why = ""
  try {
    const answer = await fetch(entry.url, {
      method: "POST", body, headers: { Accept: "application/json" }, keepalive: !entry.file,
    })
    const said = await answer.json()
    if (answer.ok) return arrived(entry, said.html)
    why = Object.values(said.error?.fields ?? {})[0] ?? said.error?.message ?? ""
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
  if (event.isTrusted && event.target.value.trim()) tellTyping()
})

// The customer sees "typing…" for 25 seconds; whoever goes on writing says so again.
let typedAt = 0

function tellTyping() {
  if (Date.now() - typedAt < 15000) return
  typedAt = Date.now()
  fetch(part("writer").dataset.typing, { method: "POST" }).catch(() => {})
}

const limit = () => Number(attached.length ? part("writer").dataset.limitCaption : part("writer").dataset.limit)
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
  const row = event.target.closest("[data-unattach]")?.closest(".composer-reply")
  if (row) detach([...row.parentElement.children].indexOf(row))
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
  if (!event.target.matches?.("[data-pick]")) return
  for (const file of event.target.files) attach(file)
  event.target.value = ""
})
document.addEventListener("paste", event => {
  if (!event.target.closest?.("#writer") || !event.clipboardData.files[0]) return
  event.preventDefault()
  for (const file of event.clipboardData.files) attach(file)
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
  for (const file of event.dataTransfer.files) attach(file)
})

function attach(file, voice = false, snippet = undefined) {
  if (file.size > LARGEST) return say(part("attached").dataset.tooLarge)
  attached.push({ file, voice, snippet })
  const row = part("attached-one").content.firstElementChild.cloneNode(true)
  const seen = row.querySelector(voice ? "[data-heard]" : "[data-thumb]")
  row.querySelector("[data-name]").textContent = voice ? part("record").dataset.voice : file.name
  row.querySelector("[data-words]").textContent = snippet ? "" : `${Math.max(1, Math.round(file.size / 1024))} KB`
  if (voice || file.type.startsWith("image/")) {
    seen.hidden = false
    seen.src = URL.createObjectURL(file)
  }
  part("attached").append(row)
  part("attached").hidden = false
  count()
  part("answer").focus()
}

// One of them, or all.
function detach(index) {
  const rows = [...part("attached").children]
  for (const row of index === undefined ? rows : [rows[index]]) {
    for (const seen of row.querySelectorAll("[src]")) URL.revokeObjectURL(seen.src)
    row.remove()
  }
  attached = index === undefined ? [] : attached.filter((_, n) => n !== index)
  part("attached").hidden = !attached.length
  count()
}

const say = text => document.dispatchEvent(new CustomEvent("toasts", { detail: { notes: [{ text, kind: "bad" }] } }))

// --- saved answers: "/" and a few letters ------------------------------------------------------------------

const snippets = () => [...(part("snippets")?.querySelectorAll("[data-snippet]") ?? [])]
let asking

document.addEventListener("input", event => {
  if (event.target.id !== "answer" || !event.isTrusted) return
  clearTimeout(asking)
  const typed = /^\/([^\s/]*)$/.exec(event.target.value)
  if (!typed) return foldSnippets()
  asking = setTimeout(async () => {
    const url = new URL(part("snippets").dataset.url, location)
    url.searchParams.set("q", typed[1])
    const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null)
    if (!answer?.ok || part("answer")?.value !== typed[0]) return
    part("snippets").innerHTML = await answer.text()
    part("snippets").hidden = false
  }, 120)
})
// Before Enter sends: the list has the keys while it is open.
document.addEventListener("keydown", event => {
  if (event.target.id !== "answer" || part("snippets")?.hidden !== false || event.isComposing) return
  const all = snippets()
  const here = all.findIndex(one => one.ariaSelected === "true")
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step && all.length) all.forEach((one, n) => one.setAttribute("aria-selected", n === (here + step + all.length) % all.length))
  else if (["Enter", "Tab"].includes(event.key) && all[here]) insertSnippet(all[here])
  else if (event.key === "Escape") foldSnippets()
  else return
  event.preventDefault()
  event.stopPropagation()
}, true)
document.addEventListener("click", event => {
  const chosen = event.target.closest("[data-snippet]")
  if (chosen) insertSnippet(chosen)
})

function insertSnippet({ dataset }) {
  foldSnippets()
  const box = part("answer")
  box.value = dataset.text
  box.dispatchEvent(new Event("input", { bubbles: true }))
  if (dataset.file) attach(new File([], dataset.file), false, dataset.snippet)
  box.focus()
}

function foldSnippets() {
  if (part("snippets")) part("snippets").hidden = true
}

// --- voice messages ----------------------------------------------------------------------------------------

// WhatsApp plays Ogg with Opus as a voice note. What comes as WebM the server puts into Ogg; a browser
// that has no Opus records a sound to play.
const VOICES = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"]
const LONGEST = 5 * 60
let recording

document.addEventListener("click", event => {
  if (event.target.closest("#record")) recording ? recording.stop() : record(event.target.closest("#record"))
})

async function record(button) {
  let stream
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } })
  } catch {
    return say(button.dataset.noMicrophone)
  }
  const mimeType = VOICES.find(type => MediaRecorder.isTypeSupported(type))
  const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32000 })
  const [pieces, began, shown] = [[], Date.now(), part("recording")]
  let kept = true
  const tick = setInterval(() => {
    const seconds = Math.round((Date.now() - began) / 1000)
    shown.textContent = `${button.dataset.recording} ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
    if (seconds >= LONGEST) recorder.stop()
  }, 250)
  recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data))
  recorder.addEventListener("stop", () => {
    clearInterval(tick)
    for (const track of stream.getTracks()) track.stop()
    recording = undefined
    shown.hidden = true
    shown.textContent = ""
    button.removeAttribute("data-on")
    if (!kept || !button.isConnected) return
    const opus = mimeType.includes("opus")
    if (!opus) say(button.dataset.asFile)
    attach(new File(pieces, opus ? "voice.ogg" : "voice.m4a", { type: mimeType.split(";")[0] }), opus)
  })
  recording = { stop: () => recorder.stop(), drop() { kept = false; recorder.stop() } }
  shown.hidden = false
  button.setAttribute("data-on", "")
  recorder.start()
}

// --- the tools of a bubble: a reaction, passing on -----------------------------------------------------------

document.addEventListener("click", event => {
  const open = document.querySelector(".bubble-tools")
  const opener = event.target.closest("[data-tools]")
  const tool = event.target.closest(".bubble-tools [data-emoji], .bubble-tools [data-pass-on]")
  if (tool) useTool(tool)
  if (open && (!open.contains(event.target) || tool)) closeTools(open)
  if (opener && !opener.parentElement.contains(open)) openTools(opener)
})
document.addEventListener("keydown", event => {
  const tools = event.target.closest?.(".bubble-tools")
  if (!tools) return
  const items = [...tools.querySelectorAll("button:not([hidden])")]
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
  if (event.key === "Escape") {
    event.stopPropagation()
    closeTools(tools)
  } else if (step) {
    event.preventDefault()
    items.at((items.indexOf(event.target) + step) % items.length).focus()
  }
})

function openTools(opener) {
  if (!part("bubble-tools")) return
  const tools = part("bubble-tools").content.firstElementChild.cloneNode(true)
  tools.querySelector('[data-emoji=""]').hidden = !opener.dataset.mine
  tools.querySelector("[data-pass-on]").hidden = opener.dataset.words === undefined
  opener.setAttribute("aria-expanded", true)
  opener.after(tools)
  tools.querySelector("button").focus({ preventScroll: true })
}

function closeTools(tools) {
  tools.previousElementSibling.setAttribute("aria-expanded", false)
  tools.previousElementSibling.focus({ preventScroll: true })
  tools.remove()
}

function useTool(tool) {
  const tools = tool.closest(".bubble-tools")
  const id = tools.previousElementSibling.dataset.tools
  const url = address => address.replace("00000000-0000-0000-0000-000000000000", id)
  if ("passOn" in tool.dataset) htmx.ajax("GET", url(tools.dataset.forward), { target: "#dialog" })
  else htmx.ajax("POST", url(tools.dataset.react), { target: `#m-${id}`, swap: "outerHTML", values: { emoji: tool.dataset.emoji } })
}

// --- the forms of the attach menu ------------------------------------------------------------------------------

document.addEventListener("click", event => {
  const fill = event.target.closest("[data-fill-place], [data-fill-card]")
  if (fill) {
    for (const field of ["place", "name", "address", "phone"])
      if (fill.dataset[field] !== undefined && part(`f-${field}`)) part(`f-${field}`).value = fill.dataset[field]
  }
  const more = event.target.closest("[data-more-rows]")
  if (!more) return
  const hidden = [...more.parentElement.querySelectorAll(".form-grid[hidden]")]
  if (hidden.length < 2) more.hidden = true
  hidden[0]?.removeAttribute("hidden")
  hidden[0]?.querySelector("input").focus()
})
document.addEventListener("htmx:after:swap", () => {
  const form = part("composing")
  if (form && quoted && !form.elements.reply_to) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "reply_to", value: quoted.wamid })
    form.append(field)
  }
})
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.id === "composing" && part("pending")?.contains(ctx.target)) unquote()
})
// A label of the menu is pressed like its buttons.
document.addEventListener("keydown", event => {
  if (!event.target.matches?.("label.menu-item") || !["Enter", " "].includes(event.key)) return
  event.preventDefault()
  event.target.click()
})

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
