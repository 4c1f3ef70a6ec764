/** Where the time of a step goes, as bars. */
import type { ChartSpec } from '../../pictures/chart.js'
import { colour } from '../../pictures/theme.js'
import type { StepProfile } from '../run/profile.js'
import type { RunRecord } from '../run/record.js'
import type { Figure } from './figure.js'

const milliseconds = (seconds: number): number => Number((1000 * seconds).toPrecision(3))

const bars = (values: readonly { readonly name: string; readonly ms: number }[], title: string): ChartSpec => {
  const y = { field: 'name', type: 'nominal', title: null, sort: null, axis: { labelLimit: 190 } }
  const x = { field: 'ms', type: 'quantitative', title: 'ms a step', scale: { zero: true } }
  return {
    description: `${title}. ${values.map(({ name, ms }) => `${name}: ${ms} ms`).join('; ')}.`,
    width: 340,
    height: 30 + 24 * values.length,
    // Fonts are wider on some machines than is thought.
    padding: { left: 24, right: 26, top: 2, bottom: 2 },
    autosize: { type: 'fit', contains: 'padding' },
    data: { values: [...values] },
    layer: [
      { mark: { type: 'bar', color: colour('series-1'), height: 12 }, encoding: { x, y } },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 11 },
        encoding: { x, y, text: { field: 'ms', type: 'quantitative' } }
      }
    ]
  } as ChartSpec
}

const barFigure = (
  id: string,
  title: string,
  says: string,
  of: readonly { readonly name: string; readonly seconds: number; readonly dispatches: number }[]
): readonly Figure[] =>
  of.length === 0
    ? []
    : [
        {
          id,
          title,
          says,
          drawings: [
            {
              kind: 'chart',
              label: null,
              spec: bars(
                of.map(({ name, seconds }) => ({ name, ms: milliseconds(seconds) })),
                title
              )
            }
          ],
          keys: [],
          table: {
            head: ['', 'dispatches', 'ms a step'],
            rows: of.map(({ name, dispatches, seconds }) => [name, String(dispatches), String(milliseconds(seconds))]),
            textColumns: [0]
          },
          isWide: false
        }
      ]

/** Shaders that are shown. */
const MOST_SHADERS = 10

const figuresOf = ({ parts, shaders, step, adapter, runs }: StepProfile): readonly Figure[] => [
  ...barFigure(
    'time-parts',
    'Time by part of a step',
    `Medians over ${runs} steps on ${adapter}; a step took ${milliseconds(step)} ms from submission to its end.`,
    parts.map(({ part, ...rest }) => ({ name: part, ...rest }))
  ),
  ...barFigure(
    'time-shaders',
    'Time by shader',
    `The ${Math.min(MOST_SHADERS, shaders.length)} of ${shaders.length} shaders that take longest.`,
    shaders.slice(0, MOST_SHADERS).map(({ shader, ...rest }) => ({ name: shader, ...rest }))
  )
]

export const timeFigures = ({ profile }: RunRecord): readonly Figure[] => (profile ? figuresOf(profile) : [])

/** Why there are no times. */
export const timeMissing = ({ profile }: RunRecord): readonly string[] => {
  if (!profile)
    return [
      'Time by part of a step is not shown: there is no profile.json, which a search writes when its last step is done.'
    ]
  return profile.missing === null ? [] : [`Time by part of a step is not shown: ${profile.missing}`]
}
