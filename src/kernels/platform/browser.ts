/** The kernels in a browser, whose own WebGPU they use. `browser` in package.json puts it in the place of `node.ts`. */
import type { Platform } from './platform.js'

/** Pages and workers have one, with `gpu` where the browser has WebGPU. */
declare const navigator: { readonly gpu?: GPU } | undefined

/** A browser gives one adapter, and tells of it what it pleases. */
const request: Platform['request'] = async (_, flags) => {
  if (flags.length > 0) throw new Error(`the flags ${flags.join(', ')} are Dawn's in Node, and a browser takes none`)
  const gpu = typeof navigator === 'undefined' ? undefined : navigator.gpu
  if (gpu === undefined) throw new Error('there is no navigator.gpu here')
  return { gpu, adapter: await gpu.requestAdapter({ powerPreference: 'high-performance' }) }
}

const adapters: Platform['adapters'] = async () => {
  const { adapter } = await request(undefined, [])
  if (adapter === null) return []
  const { device, description, vendor, architecture } = adapter.info
  return [{ backend: 'browser', name: device || description || `${vendor} ${architecture}`.trim() || 'unnamed' }]
}

export const platform: Platform = {
  adapters,
  request,
  cure: 'open the page over https or on localhost, in a browser with WebGPU (https://caniuse.com/webgpu)',
  pin: () => undefined,
  waiting: (_, promise) => promise,
  nextTurn: () => new Promise(resolve => setTimeout(resolve)),
  memoryMaps: () => undefined,
  collectGarbage: async () => undefined
}
