/** Where the time of a search's step goes: what `profile.json` holds, and how it is taken. */
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import * as t from 'io-ts/lib/index.js'
import { type Engine, type NoProfile, type Profile, profileOf, type Stored, scope, store } from '../../engine/index.js'
import { stepOptions } from '../configuration/config.js'
import type { SearchConfig } from '../configuration/options.js'
import { type Batches, type Rates, type State, stepWithParts } from '../method/bilevel.js'
import type { Supernet } from '../space/supernet.js'
import { type SearchData, type Step, stepExample } from '../steps/steps.js'

const Kernels = {
  /** How often it is dispatched in a step, and the seconds of all its dispatches together. */
  dispatches: t.number,
  seconds: t.number,
  /** Floating point operations (multiply-adds count two), and bytes that must be read and written. */
  flops: t.number,
  bytes: t.number
}

export const StepProfile = t.readonly(
  t.type({
    /** What ran the step. */
    adapter: t.string,
    /** Why there are no times, in a sentence; null where there are. Without times, the lists are empty. */
    missing: t.union([t.null, t.string]),
    /** The step from submission to its end, and the sum over its dispatches, in seconds: medians over `runs`. */
    step: t.number,
    kernels: t.number,
    runs: t.number,
    /** Seconds by part of the step, in the order in which they are computed; `rest`: what is logged and kept besides. */
    parts: t.readonlyArray(
      t.readonly(
        t.type({
          part: t.keyof({
            'training loss': null,
            'gradient in weights': null,
            'validation and gradient in alpha': null,
            harmony: null,
            optimisers: null,
            rest: null
          }),
          dispatches: t.number,
          seconds: t.number
        })
      )
    ),
    /** By shader, the longest first. */
    shaders: t.readonlyArray(t.readonly(t.type({ shader: t.string, ...Kernels }))),
    /** The ten kernels that take longest: a shader, and what it computes of which shape. */
    slowest: t.readonlyArray(t.readonly(t.type({ shader: t.string, computes: t.string, ...Kernels })))
  })
)
/** Where the time of a step goes: seconds by part, by shader, and the slowest kernels. */
export type StepProfile = t.TypeOf<typeof StepProfile>

/** Kernels that are named. */
const MOST_NAMED = 10

const NOTHING = { step: 0, kernels: 0, runs: 0, parts: [], shaders: [], slowest: [] }

/** A profile as its file has it: in seconds, with ten kernels. */
const inSeconds = (adapter: string, profile: Profile | NoProfile): StepProfile => {
  if ('missing' in profile) return { adapter, missing: profile.missing, ...NOTHING }
  const { whole, kernels, runs, parts, byShader, byKernel } = profile
  const seconds = (ms: number): number => Number((ms / 1000).toPrecision(4))
  const timed = <T extends { readonly ms: number }>({ ms, ...rest }: T) => ({ ...rest, seconds: seconds(ms) })
  return {
    adapter,
    missing: null,
    step: seconds(whole),
    kernels: seconds(kernels),
    runs,
    parts: parts.map(timed) as StepProfile['parts'],
    shaders: byShader.map(({ computes: _, ...kernel }) => timed({ ...kernel, bytes: Math.round(kernel.bytes) })),
    slowest: byKernel.slice(0, MOST_NAMED).map(kernel => timed({ ...kernel, bytes: Math.round(kernel.bytes) }))
  }
}

/**
 * Where the time of a search's step goes, on a state that is only read. What the device refuses is said in the profile:
 * a search does not end for it.
 */
export const profileStep = (
  net: Supernet,
  config: SearchConfig,
  data: SearchData,
  step: Step,
  state: Stored<State>
): Engine<StepProfile> => {
  const [, batches, rates] = stepExample(net, config, data)
  const profile = profileOf<[State, Batches, Rates], Step['result']>(step, stepWithParts(net, stepOptions(config)))
  return scope(
    pipe(
      store({ batches, rates }),
      RTE.chain(given => profile(state, given.batches, given.rates)),
      RTE.orElse(({ message }): Engine<Profile | NoProfile> => RTE.of({ missing: message })),
      RTE.chain(taken =>
        RTE.asks(({ backend }) => inSeconds(backend.kind === 'gpu' ? backend.device.info.name : 'reference', taken))
      )
    )
  )
}
