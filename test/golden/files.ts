/** The golden files: every file of a folder, whatever its name. `GOLDEN_DIR` takes the place of this folder. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeSafetensors, type Safetensors } from '../../src/formats/safetensors.js'
import { right } from '../kernels/results.js'

export const goldenDir = process.env['GOLDEN_DIR'] ?? fileURLToPath(new URL('.', import.meta.url))

export const goldenFiles = (
  folder: 'ops' | 'nets' | 'steps'
): { readonly name: string; readonly read: () => Safetensors }[] => {
  const path = join(goldenDir, folder)
  const names = existsSync(path) ? readdirSync(path).filter(name => name.endsWith('.safetensors')) : []
  return names.sort().map(name => ({ name, read: () => right(decodeSafetensors(readFileSync(join(path, name)))) }))
}

/**
 * The files whose networks run on the adapter: all of them in `npm run test:all` and where `GOLDEN_DIR` says which; in
 * `npm test`, for its time, the smallest of each family of spaces, since a driver on the CPU compiles each network's
 * hundreds of pipelines one after another.
 */
export const onAdapter = <A extends { readonly name: string; readonly read: () => Safetensors }>(
  files: readonly A[],
  familyOf: (file: Safetensors) => string
): readonly A[] => {
  if (process.env['TEST_ALL'] || process.env['GOLDEN_DIR']) return files
  const sized = files.map(file => {
    const read = file.read()
    const numbers = [...read.tensors.values()].reduce((total, { data }) => total + data.length, 0)
    return { file, family: familyOf(read), numbers }
  })
  const families = [...new Set(sized.map(({ family }) => family))]
  return families.map(
    family => sized.filter(one => one.family === family).reduce((a, b) => (b.numbers < a.numbers ? b : a)).file
  )
}
