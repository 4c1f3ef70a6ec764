/** SVG read as XML, strictly: what a browser would refuse is an error here. */

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

const TAG = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y
const TEXT = /[^<&]+|&(?:amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);/y

/** The elements of a text, each after those that it is in. Throws where tags or references are not well formed. */
export const elementsOf = (xml: string): readonly Element[] => {
  const found: Element[] = []
  const open: string[] = []
  for (let at = 0; at < xml.length; ) {
    TEXT.lastIndex = at
    const text = TEXT.exec(xml)
    TAG.lastIndex = at
    const tag = TAG.exec(xml)
    const [whole = '', closes, name = '', attributes = '', alone] = tag ?? []
    if (!text && !tag) throw new Error(`no well-formed XML at ${at}: ${xml.slice(at, at + 60)}`)
    at += text ? text[0].length : whole.length
    if (text) continue
    if (closes) {
      const last = open.pop()
      if (last !== name) throw new Error(`</${name}> ends <${last}>`)
      continue
    }
    if (!alone) open.push(name)
    const pairs = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value])
    if (new Set(pairs.map(([key]) => key)).size < pairs.length) throw new Error(`<${name}> has an attribute twice`)
    found.push({ name, attributes: Object.fromEntries(pairs) })
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> does not end`)
  return found
}
