/**
 * Writes the models that `make.py` reads: `node --import tsx test/golden/train/write.ts`, then
 * `python3 test/golden/train/make.py`.
 */
import { writeFileSync } from 'node:fs'
import { fileOf, NAMES } from './problem.js'

for (const name of NAMES) writeFileSync(new URL(`${name}.safetensors`, import.meta.url), fileOf(name))
