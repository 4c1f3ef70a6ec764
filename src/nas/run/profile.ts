/** Where the time of a search's step goes: what `profile.json` holds. */
import * as t from 'io-ts/lib/index.js'

/**
 * The parts of a step, in this order: the forward pass of the training loss and its gradient in the weights; what is
 * done on the validation batch and the gradient in alpha; the regulariser (perturbed passes, or the second
 * derivative); the optimisers of weights and alpha; and what is logged and kept besides.
 */
export const STEP_PARTS = [
  'training loss',
  'gradient in weights',
  'validation and gradient in alpha',
  'harmony',
  'optimisers',
  'rest'
] as const
/** The name of a part of a step. */
export type StepPart = (typeof STEP_PARTS)[number]

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
    /** Seconds by part of the step, in the order of `STEP_PARTS`; parts that the method has not are left out. */
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
