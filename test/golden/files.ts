/** The golden files: every file of a folder, whatever its name. `GOLDEN_DIR` takes the place of this folder. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeSafetensors, type Safetensors } from './safetensors.js'

export const goldenDir = process.env['GOLDEN_DIR'] ?? fileURLToPath(new URL('.', import.meta.url))

export const goldenFiles = (folder: 'ops' | 'nets' | 'steps'): { readonly name: string; readonly read: () => Safetensors }[] => {
  const path = join(goldenDir, folder)
  const names = existsSync(path) ? readdirSync(path).filter(name => name.endsWith('.safetensors')) : []
  return names.sort().map(name => ({ name, read: () => decodeSafetensors(readFileSync(join(path, name))) }))
}
