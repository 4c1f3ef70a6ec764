/** All 15,625 cells of NAS-Bench-201: the six digits of a number in base 5. */
import type { CellType } from '../../src/nas/space/space.js'
import { nb201 } from '../../src/nas/space/space.js'

const operations = (nb201.cells['alpha'] as CellType).edges[0]?.operations as readonly string[]

export const allBenchCells: readonly string[] = Array.from({ length: operations.length ** 6 }, (_, n) => {
  const [a, b, c, d, e, f] = Array.from(
    { length: 6 },
    (_unused, edge) => operations[Math.floor(n / operations.length ** edge) % operations.length]
  )
  return `|${a}~0|+|${b}~0|${c}~1|+|${d}~0|${e}~1|${f}~2|`
})
