// The shaders as a module, since a browser reads no files.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The text of a module that exports the files of `folder` as `SHADERS`. */
export const shadersModule = folder => {
  const files = readdirSync(folder).filter(file => file.endsWith('.wgsl'))
  const texts = Object.fromEntries(files.map(file => [file, readFileSync(join(folder, file), 'utf8')]))
  return `/** The files of \`shaders/\`. */\nexport const SHADERS = new Map(Object.entries(${JSON.stringify(texts, undefined, 2)}))\n`
}
