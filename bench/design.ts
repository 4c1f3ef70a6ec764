/**
 * What docs/design.md counts on paper for a search step: the derivative of the training loss (`fd` or `exact`) and,
 * after the weights have moved, validation loss and dL/dalpha; optimisers, clip and statistics come on top. Shared
 * values with at least two large inputs are stored, the others recomputed; for the small network only the count with
 * everything recomputed is known.
 */
interface Count {
  readonly kernels: number
  readonly readGB?: number
  readonly writtenGB?: number
}
const COUNTS: Readonly<Record<string, Count>> = {
  'C16 N5 fd': { kernels: 6155 + 2054, readGB: 24.6 + 8.2, writtenGB: 7.8 + 2.6 },
  'C16 N5 exact': { kernels: 5114 + 2054, readGB: 22.8 + 8.2, writtenGB: 6.7 + 2.6 },
  'N1 fd': { kernels: 1223 + 398 },
  'N1 exact': { kernels: 1062 + 398 }
}

interface Counted {
  readonly workload: string
  readonly dispatches: number | null
  readonly readBytes: number | null
  readonly writtenBytes: number | null
}

/** A sentence that compares a search step with the count, else ''. */
export const design = ({ workload, dispatches, readBytes, writtenBytes }: Counted): string => {
  const parts = /^search step (C\d+ )(N\d+) .*(fd|exact)$/.exec(workload)
  const key = parts
    ? [`${parts[1]}${parts[2]} ${parts[3]}`, `${parts[2]} ${parts[3]}`].find(name => COUNTS[name])
    : undefined
  if (key === undefined || dispatches === null || readBytes === null || writtenBytes === null) return ''
  const { kernels, readGB, writtenGB } = COUNTS[key] as Count
  const beside = (what: string, value: number, paper: number | undefined, unit = '') =>
    `${what} ${unit ? value.toFixed(2) : value}${unit}${
      paper === undefined
        ? ''
        : `, on paper ${unit ? paper.toFixed(1) : paper}${unit} (x ${(value / paper).toFixed(2)})`
    }`
  return [
    beside('kernels', dispatches, kernels),
    beside('read', readBytes / 1e9, readGB, ' GB'),
    beside('written', writtenBytes / 1e9, writtenGB, ' GB')
  ].join('; ')
}
