/** The kernels in Node: adapters by Dawn (the package `webgpu`), memory maps from Linux. */
import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Listed, Platform } from './platform.js'
import { quietly } from './quiet.js'
import { waiting } from './wait.js'

/**
 * Dawn's objects crash the process when they are collected while anything runs, so all stay for the life of the
 * process.
 */
const pinned: unknown[] = []
Object.assign(globalThis, { [Symbol('lambda-darts: objects of the GPU')]: pinned })

/** The native binary is loaded late: a machine that cannot load it still has the reference backend. */
const createGpu = async (options: readonly string[]): Promise<GPU> => {
  const { create, globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  const gpu = create([...options])
  pinned.push(gpu)
  return gpu
}

/** Dawn lists the adapters only when it refuses a name that none of them has. */
const adapters = async (): Promise<readonly Listed[]> => {
  const gpu = await createGpu(['adapter=~ a name that no adapter has ~'])
  const refusal = await quietly(() => gpu.requestAdapter()).then(
    () => '',
    (error: unknown) => (error instanceof Error ? error.message : String(error))
  )
  return [...refusal.matchAll(/backend: '(.*?)', name: '(.*)'$/gm)].map(([, backend = '', name = '']) => ({
    backend,
    name
  }))
}

/** Dawn takes any part of a name, in its exact letters. */
const request: Platform['request'] = async (listed, flags) => {
  const gpu = await createGpu([...(listed ? [`backend=${listed.backend}`, `adapter=${listed.name}`] : []), ...flags])
  const adapter = await quietly(() => gpu.requestAdapter({ powerPreference: 'high-performance' }))
  pinned.push(adapter)
  return { gpu, adapter }
}

/** Known on Linux only. */
const memoryMaps: Platform['memoryMaps'] = () => {
  try {
    const most = Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8'))
    return { most, has: readFileSync('/proc/self/maps', 'utf8').split('\n').length }
  } catch {
    return undefined
  }
}

const collectGarbage = async (): Promise<void> => {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc === 'function') gc()
  // What native objects hold is given back in the turns after.
  await nextTurn()
  await nextTurn()
}

export const platform: Platform = {
  adapters,
  request,
  cure: 'run `npm run adapter`, which installs a software one or says what is missing',
  pin: value => void pinned.push(value),
  waiting,
  nextTurn: () => nextTurn(),
  memoryMaps,
  collectGarbage
}
