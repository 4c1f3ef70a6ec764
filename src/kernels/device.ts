/** Adapters and the device: choosing one by name, keeping it alive, and noticing when it is lost or complains. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { deviceLost, invalidProgram, type KernelError, noAdapter, oneLine, outOfMemory } from './errors.js'
import { platform } from './platform/node.js'
import type { Listed } from './platform/platform.js'
import type { GPU, GPUAdapter, GPUDevice } from './platform/webgpu.js'

/** What is known of an adapter. */
export interface AdapterInfo {
  /** What a person chooses by: `openDevice({ adapter })` takes any part of it. */
  readonly name: string
  readonly vendor: string
  readonly architecture: string
  readonly backend: string
  /** Runs on the CPU. Say so wherever results are shown. */
  readonly software: boolean
  /** Invocations of a subgroup where all subgroups have one size, else 0. */
  readonly subgroupSize: number
}

/** Limits that are raised from WebGPU's defaults to what the adapter has. */
export const raised = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ'
] as const
/** Features that are asked for where the adapter has them. */
const used: readonly GPUFeatureName[] = ['subgroups', 'timestamp-query']
/** The limits of a device that are raised for it: what programs are held to. */
export type Limits = Readonly<Record<(typeof raised)[number], number>>

/** An open device of an adapter, with the facts by which kernels are chosen. */
export interface Device {
  readonly gpu: GPU
  readonly device: GPUDevice
  readonly info: AdapterInfo
  readonly limits: Limits
  /** What happened to the device since it was opened; the only part that changes. */
  readonly status: {
    /** Set once the device is lost: nothing works on it any more. */
    lost: KernelError | undefined
    /** Errors that no scope caught, each of which fails the next run. */
    readonly uncaptured: string[]
  }
}

/** Names as Vulkan lists them and as an adapter reports itself differ in punctuation only. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]+/g, '-')

/** What an adapter says of itself. */
interface Saying {
  readonly features: { readonly has: (name: string) => boolean }
  readonly info: {
    readonly device: string
    readonly description: string
    readonly vendor: string
    readonly architecture: string
    readonly isFallbackAdapter: boolean
    readonly subgroupMinSize?: number
    readonly subgroupMaxSize?: number
  }
}

const fixedSubgroup = ({ features, info }: Saying): number =>
  features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize ? (info.subgroupMinSize ?? 0) : 0

/** What an adapter is, by the name of those listed that is its own; one that stands alone is it, whatever its name. */
export const describe = (adapter: Saying, names: readonly Listed[]): AdapterInfo => {
  const { device, description, vendor, architecture, isFallbackAdapter } = adapter.info
  const known = names.find(({ name }) => plain(name) === plain(device)) ?? (names.length === 1 ? names[0] : undefined)
  const name = known?.name ?? (device || description || 'unnamed')
  const software = isFallbackAdapter || architecture === 'software' || /swiftshader|llvmpipe/i.test(name)
  return {
    name,
    vendor,
    architecture,
    backend: known?.backend ?? 'unknown',
    software,
    subgroupSize: fixedSubgroup(adapter)
  }
}

const noneBecause = (reason: unknown): KernelError =>
  noAdapter('a WebGPU adapter', [], reason instanceof Error ? reason.message : String(reason), platform.cure)

/** The adapters of this machine, without opening a device; an empty list where there are none. */
export const listAdapters = (): TaskEither<KernelError, readonly AdapterInfo[]> => async () => {
  try {
    const names = await platform.adapters()
    const adapters = await Promise.all(
      names.map(async entry => {
        const { adapter } = await platform.request(entry, []).catch(() => ({ adapter: null }))
        return adapter ? [describe(adapter, [entry])] : []
      })
    )
    return E.right(adapters.flat())
  } catch (reason) {
    return E.left(noneBecause(reason))
  }
}

/** The flag of Dawn by which timestamps are as exact as the adapter has them, not in steps of 65 microseconds. */
export const EXACT_TIMESTAMPS = 'disable-dawn-features=timestamp_quantization'

/**
 * Opens a device on the adapter whose name contains `adapter` (in any case), else on the one that Dawn prefers, with
 * the adapter's own limits. `flags` are Dawn's own, as `disable-dawn-features=timestamp_quantization`. `NoAdapter`
 * where there is none or none of that name; a fake adapter is never taken.
 */
export const openDevice =
  (options: { readonly adapter?: string; readonly flags?: readonly string[] } = {}): TaskEither<KernelError, Device> =>
  async () => {
    try {
      const names = await platform.adapters()
      const wanted = options.adapter
      // A name without a letter is part of every name.
      const part = wanted === undefined ? '' : plain(wanted).replace(/^-+$/, '')
      const entry = part === '' ? undefined : names.find(({ name }) => plain(name).includes(part))
      if (wanted !== undefined && !entry) {
        if (names.length === 0) return E.left(noneBecause('none was found'))
        const there = names.map(({ name }) => name)
        return E.left(
          noAdapter(
            `an adapter named like "${wanted}"`,
            there,
            `there are only: ${there.join(', ')}`,
            'choose one of these'
          )
        )
      }
      const { gpu, adapter } = await platform.request(entry, options.flags ?? [])
      if (!adapter) return E.left(noneBecause('none was found'))
      return E.right(await open(gpu, adapter, describe(adapter, names)))
    } catch (reason) {
      return E.left(noneBecause(reason))
    }
  }

const open = async (gpu: GPU, adapter: GPUAdapter, info: AdapterInfo): Promise<Device> => {
  const limits = Object.fromEntries(raised.map(name => [name, adapter.limits[name]])) as Limits
  const device = await adapter.requestDevice({
    requiredLimits: { ...limits },
    requiredFeatures: used.filter(feature => adapter.features.has(feature))
  })
  const opened: Device = { gpu, device, info, limits, status: { lost: undefined, uncaptured: [] } }
  platform.pin(opened)
  device.lost.then(({ reason, message }) => {
    opened.status.lost = deviceLost(reason, oneLine(message))
  })
  device.addEventListener('uncapturederror', event => {
    event.preventDefault() // else Dawn prints it on stdout, among the results
    opened.status.uncaptured.push(event.error.message)
  })
  return opened
}

/**
 * Why no work may start or be trusted: the device is lost, or an earlier call complained outside every scope (told
 * once).
 */
export const complaint = ({ status }: Device): KernelError | undefined => {
  if (status.lost) return status.lost
  const errors = status.uncaptured.splice(0)
  return errors.length === 0
    ? undefined
    : invalidProgram(
        'every call to the device to be valid',
        `${errors.length} failed unseen, first: ${errors[0]}`,
        'report this; its results cannot be trusted'
      )
}

/**
 * Lets the device's news arrive (a loss is told a little after the call that it spoils), then says what there is, if
 * anything.
 */
export const settledComplaint = async (device: Device): Promise<KernelError | undefined> => {
  await platform.nextTurn()
  return complaint(device)
}

/**
 * Does `work` at once, inside error scopes: WebGPU does not throw, it drops the work and tells later. `what` says in
 * the message what was being done. Left if anything was wrong; what `work` made is then of no use.
 */
export const scoped = async <A>(device: Device, what: string, work: () => A): Promise<E.Either<KernelError, A>> => {
  const filters = ['internal', 'validation', 'out-of-memory'] as const
  for (const filter of filters) device.device.pushErrorScope(filter)
  let thrown: unknown
  let value: A | undefined
  try {
    value = work()
  } catch (error) {
    thrown = error ?? 'an unknown exception'
  }
  const [memory, ...others] = await Promise.all(filters.map(() => device.device.popErrorScope()))
  const unseen = complaint(device)
  if (unseen) return E.left(unseen)
  if (memory) return E.left(outOfMemory(what, memory.message || 'the device had no memory left'))
  const wrong = others.find(error => error !== null)?.message ?? (thrown instanceof Error ? thrown.message : thrown)
  if (wrong !== undefined) return E.left(invalidProgram(what, `the device refused: ${wrong}`, 'correct the program'))
  return E.right(value as A)
}
