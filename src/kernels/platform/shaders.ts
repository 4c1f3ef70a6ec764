/**
 * The files of `shaders/`. `scripts/build.mjs` replaces this module by one that has their texts in it: a browser reads
 * no files.
 */
import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../../../shaders/', import.meta.url)

/** Texts by the names of their files. */
export const SHADERS: ReadonlyMap<string, string> = new Map(
  readdirSync(folder)
    .filter(file => file.endsWith('.wgsl'))
    .map(file => [file, readFileSync(new URL(file, folder), 'utf8')])
)
