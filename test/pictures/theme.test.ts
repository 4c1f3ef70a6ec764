/** Colours: read on their paper, and told apart by people who see fewer of them. */
import { describe, expect, it } from 'vitest'
import { type ColourName, DASHES, type Scheme, SERIES, standalone, THEME, THEME_CSS } from '../../src/pictures/theme.js'

type Triple = readonly [number, number, number]
const triple = (of: (i: number) => number): Triple => [of(0), of(1), of(2)]

/** sRGB to linear light. */
const linear = (hex: string): Triple =>
  triple(i => {
    const c = Number.parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  })
const dot = (a: Triple, b: Triple): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const luminance = (hex: string): number => dot(linear(hex), [0.2126, 0.7152, 0.0722])
/** WCAG 2.2, contrast ratio. */
const contrast = (a: string, b: string): number => {
  const [low, high] = [luminance(a), luminance(b)].toSorted((x, y) => x - y) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

/** Machado, Oliveira, Fernandes (2009), severity 1: what is left of a colour without one kind of cones. */
const SIGHTS: Readonly<Record<string, readonly [Triple, Triple, Triple]>> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1]
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998]
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881]
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039]
  ]
}
/** CIE L*a*b* of linear light, D65. */
const lab = (rgb: Triple): Triple => {
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116)
  const x = f(dot(rgb, [0.4124, 0.3576, 0.1805]) / 0.9505)
  const y = f(dot(rgb, [0.2126, 0.7152, 0.0722]))
  const z = f(dot(rgb, [0.0193, 0.1192, 0.9505]) / 1.089)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}
const seen = (hex: string, [r, g, b]: readonly [Triple, Triple, Triple]): Triple =>
  lab(triple(i => Math.max(0, Math.min(1, dot([r, g, b][i] as Triple, linear(hex))))))

const TEXT: readonly ColourName[] = ['ink', 'muted', 'good', 'doubt', 'bad']
const series = (scheme: Scheme): readonly string[] =>
  Object.entries(THEME[scheme]).flatMap(([name, value]) => (name.startsWith('series-') ? [value] : []))

describe.each(['light', 'dark'] as const)('the colours for %s', scheme => {
  const { paper, surface } = THEME[scheme]

  it('let text be read (4.5:1) and marks be seen (3:1), on paper and on surfaces', () => {
    for (const behind of [paper, surface]) {
      for (const name of TEXT) expect([name, contrast(THEME[scheme][name], behind) >= 4.5]).toEqual([name, true])
      for (const value of series(scheme)) expect([value, contrast(value, behind) >= 3]).toEqual([value, true])
    }
  })

  it.each(Object.keys(SIGHTS))('are told apart by sight with %s', sight => {
    const all = series(scheme).map(hex => seen(hex, SIGHTS[sight] as (typeof SIGHTS)[string]))
    // A difference of 2.3 is just seen side by side; lines apart from each other want several times that.
    for (const [i, one] of all.entries())
      for (const other of all.slice(i + 1))
        expect(Math.hypot(...triple(j => one[j as 0] - other[j as 0]))).toBeGreaterThan(12)
  })
})

describe('a theme', () => {
  it('has a dash of its own for each series', () => {
    expect(new Set(DASHES.map(String)).size).toBe(SERIES.length)
  })

  it('has the same names for light and dark, and a page knows them all', () => {
    expect(Object.keys(THEME.dark)).toEqual(Object.keys(THEME.light))
    for (const name of Object.keys(THEME.light)) expect(THEME_CSS).toContain(`--${name}:`)
  })

  it('fills its colours into what stands by itself, and refuses one that it does not have', () => {
    const svg = `<svg width="1">${SERIES.map(value => `<path stroke="${value}"/>`).join('')}</svg>`
    for (const scheme of ['light', 'dark'] as const) {
      expect(standalone(svg, scheme)).not.toContain('var(')
      expect(standalone(svg, scheme)).toContain(`stroke="${THEME[scheme]['series-8']}"`)
    }
    expect(standalone(svg)).toMatch(/^<svg width="1"><style>svg\{--paper:#fcfcfa.*prefers-color-scheme:dark/)
    expect(() => standalone('<svg fill="var(--nonsense)"/>', 'light')).toThrow(/colours among paper, .* nonsense/)
  })
})
