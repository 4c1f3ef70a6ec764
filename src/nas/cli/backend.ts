/** Where a command runs: the options that say so, and the backend that they name. */
import type { Command } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { type AdapterInfo, type Backend, EXACT_TIMESTAMPS, openDevice, type Report } from '../../engine/index.js'
import { complain } from './outputs.js'
import { BAD_INPUT, Refusal, refuse } from './refusal.js'

/** A step of at most this many operations may run on the reference where there is no adapter. */
const REFERENCE_FLOPS = 1e9

/** Options, as texts, among them those of the backend. */
export interface GivenBackend {
  readonly [option: string]: string | boolean | undefined
  readonly backend: string
  readonly adapter?: string
  readonly unfused?: boolean
  readonly verify?: boolean
}

const gigaflops = (flops: number): string => `${Number((flops / 1e9).toPrecision(2))} GFLOP`

/**
 * The adapter, or the reference: never a slower one without a word. `count`: what a step takes, asked only where there
 * is no adapter.
 */
export const openBackend = async (
  { backend, adapter, unfused, verify = false }: GivenBackend,
  count: () => Promise<Pick<Report, 'flops'>>
): Promise<Backend> => {
  if (backend === 'reference') return { kind: 'reference' }
  const opened = await openDevice({ flags: [EXACT_TIMESTAMPS], ...(adapter === undefined ? {} : { adapter }) })()
  if (E.isRight(opened)) return { kind: 'gpu', device: opened.right, fused: !unfused, verify }
  if (backend === 'gpu' || adapter !== undefined || opened.left._tag !== 'NoAdapter')
    throw new Refusal(BAD_INPUT, opened.left.message)
  const { flops } = await count()
  if (flops > REFERENCE_FLOPS)
    refuse(
      `a WebGPU adapter for a step of ${gigaflops(flops)}`,
      'none, and the reference backend is for steps of at most 1 GFLOP',
      'run `npm run adapter`, or wait with --backend reference'
    )
  complain(
    `No WebGPU adapter was found, so the reference backend goes on with ${gigaflops(flops)} a step; \`npm run ` +
      'adapter` may find one.'
  )
  return { kind: 'reference' }
}

export const infoOf = (backend: Backend): AdapterInfo | undefined =>
  backend.kind === 'gpu' ? backend.device.info : undefined

/** Refuses options of a backend that say two things. */
export const checkBackend = (given: GivenBackend): void => {
  if (!['auto', 'gpu', 'reference'].includes(given.backend))
    refuse('--backend to be one of auto, gpu, reference', `'${given.backend}'`, 'name one of these')
  if (given.backend === 'reference' && given.adapter !== undefined)
    refuse('--adapter with --backend gpu or auto', '--backend reference, which uses none', 'leave one of them out')
  for (const flag of ['unfused', 'verify'] as const)
    if (given.backend === 'reference' && given[flag])
      refuse(
        `--${flag} with --backend gpu or auto`,
        '--backend reference, which has no kernels',
        'leave one of them out'
      )
}

/** A command with the options of where it runs. */
export const withBackend = (command: Command): Command =>
  command
    .option('--backend <name>', 'auto, gpu or reference', 'auto')
    .option('--adapter <name>', 'part of the name of the adapter to use')
    .option(
      '--unfused',
      'a kernel for each operation: a software adapter compiles them in a fraction of the time, and steps are slower'
    )
    .option(
      '--verify',
      'holds each kernel to the plain one of its kind as it runs, and stops at the first that differs: for an ' +
        'untried adapter'
    )
