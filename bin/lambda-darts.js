#!/usr/bin/env node
// The program `lambda-darts`: in the package what was built, in a checkout what is written, through tsx.
import { existsSync } from 'node:fs'

const source = new URL('../src/nas/main.ts', import.meta.url)
if (existsSync(source)) {
  const { register } = await import('tsx/esm/api')
  register()
  await import(source.href)
} else await import('../dist/nas/main.js')
