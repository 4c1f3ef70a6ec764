/**
 * What the kernels need of where they run. `node.ts` gives it, and `browser.ts` in its place where a bundler builds for
 * browsers.
 */
import type { GPU, GPUAdapter } from './webgpu.js'

/** An adapter as the platform lists it. */
export interface Listed {
  readonly backend: string
  readonly name: string
}

export interface Platform {
  /** The adapters that can be chosen between; those of one name are one. */
  readonly adapters: () => Promise<readonly Listed[]>
  /** An adapter: the one that is listed so, else the one that the platform prefers; null where there is none. */
  readonly request: (
    listed: Listed | undefined,
    flags: readonly string[]
  ) => Promise<{ readonly gpu: GPU; readonly adapter: GPUAdapter | null }>
  /** What to do where there is no adapter. */
  readonly cure: string
  /** Keeps an object of the device from being collected, where that is not safe. */
  readonly pin: (value: unknown) => void
  /** Awaits a promise of the device, without burning a core where waiting does. */
  readonly waiting: <A>(info: { readonly software: boolean }, promise: Promise<A>) => Promise<A>
  /** The next turn of the event loop, in which a device's news arrive. */
  readonly nextTurn: () => Promise<void>
  /** How many memory maps a process may have, and has; undefined where that is not known. */
  readonly memoryMaps: () => { readonly most: number; readonly has: number } | undefined
  /** Collects garbage, where that can be asked for. */
  readonly collectGarbage: () => Promise<void>
}
