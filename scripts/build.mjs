// Makes `dist`: what tsc gives, and the shaders as a module, since a browser reads no files.
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shadersModule } from './shaders.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
rmSync(dist, { recursive: true, force: true })

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

writeFileSync(join(dist, 'kernels', 'platform', 'shaders.js'), shadersModule(join(root, 'shaders')))
rmSync(join(dist, 'kernels', 'platform', 'shaders.js.map'), { force: true })
