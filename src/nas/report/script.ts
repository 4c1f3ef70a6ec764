/**
 * What a report does when it is read: light or dark, figures as files, and (served by `--watch`) itself anew. Plain
 * JavaScript of a page, kept as text; nothing of it needs the network but the last part, which only a served page has.
 */
export const SCRIPT = `'use strict'
const root = document.documentElement
const all = (of, query) => [...of.querySelectorAll(query)]
const toggle = document.getElementById('theme')
const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme:dark)').matches
const name = () => { toggle.textContent = isDark() ? 'Light' : 'Dark' }
toggle.hidden = false
toggle.onclick = () => { root.dataset.theme = isDark() ? 'light' : 'dark'; name() }
matchMedia('(prefers-color-scheme:dark)').onchange = name
name()

// Paper has nothing to click on: verdicts are printed with what they found.
const closed = []
addEventListener('beforeprint', () => {
  for (const one of all(document, '.verdict details:not([open])')) { one.open = true; closed.push(one) }
})
addEventListener('afterprint', () => { for (const one of closed.splice(0)) one.open = false })

// The lines into which a text is broken, with their places.
const linesOf = element => {
  const lines = []
  for (const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT); walker.nextNode();) {
    const node = walker.currentNode
    for (const word of node.data.matchAll(/\\S+/g)) {
      const range = document.createRange()
      range.setStart(node, word.index)
      range.setEnd(node, word.index + word[0].length)
      const { left, bottom, height } = range.getBoundingClientRect()
      const last = lines.at(-1)
      if (last && Math.abs(last.bottom - bottom) < 2) last.text += ' ' + word[0]
      else lines.push({ left, bottom, height, text: word[0] })
    }
  }
  return lines
}
// A figure as one SVG: its texts and pictures where they stand in the page, in the colours of the moment.
const svgOf = figure => {
  const make = (kind, attributes) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', kind)
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
    return made
  }
  const box = figure.getBoundingClientRect()
  const parts = all(figure, 'h3,.keys li,.label,svg').filter(part => part.getClientRects().length > 0)
  const bottom = Math.max(...parts.map(part => part.getBoundingClientRect().bottom)) - box.top
  const [width, height, edge] = [Math.ceil(box.width) + 32, Math.ceil(bottom) + 32, 16]
  const out = make('svg', { width, height, viewBox: [0, 0, width, height].join(' ') })
  out.append(make('rect', { width, height, fill: 'var(--paper)' }))
  for (const part of parts) {
    if (part.localName === 'svg') {
      const at = part.getBoundingClientRect()
      const copy = part.cloneNode(true)
      copy.removeAttribute('style')
      for (const [key, value] of [['x', at.left - box.left + edge], ['y', at.top - box.top + edge],
        ['width', at.width], ['height', at.height]]) copy.setAttribute(key, value)
      out.append(copy)
    } else {
      const { fontSize, fontWeight, fontFamily, color } = getComputedStyle(part)
      for (const line of linesOf(part)) {
        const text = make('text', { x: line.left - box.left + edge, y: line.bottom - box.top + edge - 0.25 * line.height,
          'font-size': fontSize, 'font-weight': fontWeight, 'font-family': fontFamily, fill: color })
        text.textContent = line.text
        out.append(text)
      }
    }
  }
  const values = getComputedStyle(root)
  return new XMLSerializer().serializeToString(out)
    .replace(/var\\((--[\\w-]+)\\)/g, (_, variable) => values.getPropertyValue(variable).trim())
}
const keep = (blob, file) => {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = file
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
const save = async button => {
  const figure = button.closest('figure')
  const svg = new Blob([svgOf(figure)], { type: 'image/svg+xml' })
  const file = figure.id.replace(/^figure-/, '')
  if (button.dataset.save === 'svg') return keep(svg, file + '.svg')
  const image = new Image()
  image.src = URL.createObjectURL(svg)
  await image.decode()
  const canvas = document.createElement('canvas')
  canvas.width = 2 * image.width
  canvas.height = 2 * image.height
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height)
  canvas.toBlob(blob => keep(blob, file + '.png'))
}
const ready = () => {
  for (const saves of all(document, '.saves')) saves.hidden = false
  for (const button of all(document, '[data-save]')) button.onclick = () => save(button)
}
ready()

if (root.dataset.live !== undefined) {
  const state = document.getElementById('state')
  const source = new EventSource('events?' + root.dataset.live)
  const places = () => all(document, 'details').filter(one => one.open).map(one => one.dataset.of)
  source.addEventListener('report', async () => {
    const open = places()
    const answer = await fetch('.')
    if (!answer.ok) return
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
    document.title = fresh.title
    document.querySelector('.page').replaceChild(fresh.getElementById('report'), document.getElementById('report'))
    for (const one of all(document, 'details')) if (open.includes(one.dataset.of)) one.open = true
    ready()
  })
  source.addEventListener('end', () => { state.textContent = 'The run has ended.'; source.close() })
  source.onerror = () => { state.textContent = 'Nobody serves this page any more: it shows what was there last.'; source.close() }
}
`
