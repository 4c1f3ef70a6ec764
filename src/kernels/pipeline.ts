/**
 * Compiled shaders, kept for the life of their device. One pipeline serves all calls that differ in sizes and buffers
 * only.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Arrangement, arranged, layoutKey, type Part, partsOf } from './bindings.js'
import { combined } from './combined.js'
import { type Device, scoped } from './device.js'
import { bindingsOf, type Dispatch, kernelKey } from './dispatches.js'
import { type KernelError, shaderError } from './errors.js'
import type { GPUBindGroupLayout, GPUComputePipeline } from './platform/webgpu.js'
import { expand, type Loader, loadShader, type Source } from './shader.js'

export interface Pipeline {
  readonly pipeline: GPUComputePipeline
  /** By bind group. */
  readonly layouts: readonly GPUBindGroupLayout[]
}

interface Module {
  readonly id: number
  readonly compiled: Promise<E.Either<KernelError, GPUShaderModule>>
}
interface Cache {
  /** By expanded text. Those that failed are dropped: the reason may have been the device. */
  readonly modules: Map<string, Module>
  /** By the types of their bindings. */
  readonly layouts: Map<string, GPUBindGroupLayout>
  readonly pipelines: Map<string, Promise<E.Either<KernelError, Pipeline>>>
}
const caches = new WeakMap<Device, Cache>()
let nextModule = 1

const cacheOf = (device: Device): Cache => {
  const cache = caches.get(device) ?? { modules: new Map(), layouts: new Map(), pipelines: new Map() }
  caches.set(device, cache)
  return cache
}

/** What decides the pipeline of a dispatch. Those of equal keys share one. */
export const pipelineKey = (calls: Dispatch): string =>
  calls.length === 1 ? kernelKey(calls[0]) : `${kernelKey(calls[0])} ${JSON.stringify(bindingsOf(calls).places)}`

/** How many different pipelines the device holds. */
export const pipelineCount = (device: Device): number => cacheOf(device).pipelines.size

const compile = async (
  device: Device,
  name: string,
  { code, origins }: Source
): Promise<E.Either<KernelError, GPUShaderModule>> => {
  let information: Promise<GPUCompilationInfo> | undefined
  const made = await scoped(device, `shader ${name} to compile`, () => {
    const module = device.device.createShaderModule({ code, label: name })
    information = module.getCompilationInfo()
    return module
  })
  // The scope's error says the same as the compiler, without the place.
  const first = (await information)?.messages.find(({ type }) => type === 'error')
  if (!first) return made
  const { file, line } = origins[first.lineNum - 1] ?? { file: name, line: 1 }
  const text = code.split('\n')[first.lineNum - 1]?.trim() ?? ''
  return E.left(shaderError(file, line, `${first.message}, in \`${text}\``))
}

/** Where the entry point is: what is told of a pipeline as a whole is told there. */
const entryOf = (name: string, { code, origins }: Source) =>
  origins[code.split('\n').findIndex(line => /\bfn\s+main\b/.test(line))] ?? { file: `${name}.wgsl`, line: 1 }

/** Explicit, so that bind groups fit whatever bindings a shader leaves out. */
const layoutOf = (device: Device, part: Part): GPUBindGroupLayout => {
  const { layouts } = cacheOf(device)
  const key = layoutKey(part)
  const entries = part.map(({ type }, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } }))
  const layout = layouts.get(key) ?? device.device.createBindGroupLayout({ entries })
  layouts.set(key, layout)
  return layout
}

/**
 * The pipeline of a dispatch, compiled once. `ShaderError` with file and line for text that does not compile, for
 * `constants` that the file does not declare and for bindings that are not those of `spec.ts`.
 */
export const pipelineOf =
  (
    device: Device,
    calls: Dispatch,
    arrangement: Arrangement,
    load: Loader = loadShader
  ): TaskEither<KernelError, Pipeline> =>
  async () => {
    const [call] = calls
    const expanded = expand(call.shader, call.op, load)
    if (E.isLeft(expanded)) return expanded
    const whole = calls.length === 1 ? expanded.right : combined(expanded.right, bindingsOf(calls).places)
    const source = { ...whole, code: arranged(whole.code, arrangement) }
    const { modules, pipelines } = cacheOf(device)
    const { code } = source
    const module = modules.get(code) ?? { id: nextModule++, compiled: compile(device, call.shader, source) }
    modules.set(code, module)
    const key = `${module.id} ${pipelineKey(calls)}`
    const made = pipelines.get(key) ?? create(device, calls, arrangement, source, module)
    pipelines.set(key, made)
    const result = await made
    if (E.isLeft(result)) {
      if (pipelines.get(key) === made) pipelines.delete(key)
      if (modules.get(code) === module) modules.delete(code)
    }
    return result
  }

const create = async (
  device: Device,
  calls: Dispatch,
  arrangement: Arrangement,
  source: Source,
  { compiled }: Module
): Promise<E.Either<KernelError, Pipeline>> => {
  const [call] = calls
  const module = await compiled
  if (E.isLeft(module)) return module
  const what = `a pipeline of shader ${call.shader}`
  const started = await scoped(device, what, () => {
    const layouts = partsOf(calls, arrangement).map(part => layoutOf(device, part))
    const pipeline = device.device.createComputePipelineAsync({
      label: call.shader,
      layout: device.device.createPipelineLayout({ bindGroupLayouts: layouts }),
      compute: { module: module.right, entryPoint: 'main', constants: { ...call.constants } }
    })
    return {
      layouts,
      settled: pipeline.then(E.right, (reason: unknown) =>
        E.left(reason instanceof Error ? reason.message : String(reason))
      )
    }
  })
  if (E.isLeft(started)) return started
  const settled = await started.right.settled
  if (E.isRight(settled)) return E.right({ pipeline: settled.right, layouts: started.right.layouts })
  const { file, line } = entryOf(call.shader, source)
  return E.left(shaderError(file, line, settled.left, 'make its constants and bindings those of the call'))
}
