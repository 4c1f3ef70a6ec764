/**
 * The types of WebGPU's objects by way of its global classes, for what this package publishes. A program that knows
 * WebGPU, from the compiler's DOM library or from `@webgpu/types`, has them as they are there; where there is neither
 * (or both, which contradict each other) nothing is missing: they are objects of which nothing is known.
 */
export type Instance<Name extends string> = typeof globalThis extends {
  readonly [N in Name]: { readonly prototype: infer T }
}
  ? T
  : object

/** WebGPU's `GPU` where its declarations are known, else an object. */
export type GPU = Instance<'GPU'>
export type GPUAdapter = Instance<'GPUAdapter'>
/** WebGPU's `GPUDevice` where its declarations are known, else an object. */
export type GPUDevice = Instance<'GPUDevice'>
/** WebGPU's `GPUBuffer` where its declarations are known, else an object. */
export type GPUBuffer = Instance<'GPUBuffer'>
export type GPUBindGroup = Instance<'GPUBindGroup'>
export type GPUBindGroupLayout = Instance<'GPUBindGroupLayout'>
export type GPUComputePipeline = Instance<'GPUComputePipeline'>
/** A buffer, or a part of it, as it is bound. */
export interface GPUBufferBinding {
  readonly buffer: GPUBuffer
  readonly offset?: number
  readonly size?: number
}
