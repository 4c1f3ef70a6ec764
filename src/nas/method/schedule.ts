/** What changes from epoch to epoch. */

/**
 * Cosine from `start` to `end` over `epochs`, constant within an epoch: end + (start - end) (1 + cos(pi e / epochs)) /
 * 2.
 */
export const cosineRate = (start: number, end: number, epoch: number, epochs: number): number =>
  end + ((start - end) * (1 + Math.cos((Math.PI * epoch) / epochs))) / 2

/** Grows linearly from 0 in the first epoch to 1 in the last; 1 where there is only one. */
export const linearShare = (epoch: number, epochs: number): number => (epochs === 1 ? 1 : epoch / (epochs - 1))

/** lambda(e) = lambda e / (epochs - 1): 0 in the first epoch, full in the last; full where there is only one. */
export const linearLambda = (lambda: number, epoch: number, epochs: number): number =>
  epochs === 1 ? lambda : (lambda * epoch) / (epochs - 1)

/** d(e) = d e / epochs: none in the first epoch, never quite `rate`. */
export const linearDropPath = (rate: number, epoch: number, epochs: number): number => (rate * epoch) / epochs
