/** What takes its time between the events of a run. */
export type Doing =
  | 'kernels compiled'
  | 'batches judged'
  | 'steps trained'
  | 'images tested'
  | 'quotients taken'
  | 'steps of the baseline'

/** Told as something goes on: how much of it is done, of how much. */
export type UnderWay = (what: Doing, done: number, total: number) => void

/** As the compiler's progress; undefined if nobody listens. */
export const compilingOptions = (underWay: UnderWay | undefined) =>
  underWay ? { progress: (done: number, total: number) => underWay('kernels compiled', done, total) } : {}
