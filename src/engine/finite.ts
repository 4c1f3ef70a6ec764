/** Which node of a program was not finite: for the moment after something went wrong. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { interpret } from '../autodiff/interpret.js'
import { lower } from '../autodiff/lowering/lower.js'
import { show } from '../autodiff/shape.js'
import { type DeviceBuffer, release as releaseBuffer } from '../kernels/buffers.js'
import { finiteChecked } from '../kernels/checks/finite.js'
import { failureOf } from '../kernels/checks/judge.js'
import { disposeExecutable, execute, prepare } from '../kernels/execute.js'
import { plan as planProgram } from '../kernels/plan.js'
import type { Compiled } from './compile.js'
import type { Engine } from './effect.js'
import { argumentsFor, bindingsOf } from './run.js'
import type { StoredArguments } from './values.js'

/**
 * The first node of a compiled function whose value is not finite on these arguments, in words; undefined if there is
 * none. It replays the function call by call (on the reference, node by node), so it is slow, and for the moment after
 * something went wrong.
 */
export const firstNonFinite =
  <A extends readonly unknown[], R>(compiled: Compiled<A, R>) =>
  (...args: StoredArguments<A>): Engine<string | undefined> =>
  ({ backend }) => {
    const checked = argumentsFor(compiled, args, backend)
    if (E.isLeft(checked)) return TE.left(checked.left)
    const given = checked.right
    if (backend.kind === 'reference') {
      return TE.fromIO(() => {
        const found: string[] = []
        interpret(compiled.graph.outputs, bindingsOf(compiled, given), (node, value) => {
          if (!found.length && node.dtype === 'f32' && !value.data.every(Number.isFinite))
            found.push(`${node.primitive.name} ${show(node)}`)
        })
        return found[0]
      })
    }
    const { device } = backend
    const { program, checks } = finiteChecked(lower(compiled.graph, { fused: false }))
    return pipe(
      TE.fromEither(planProgram(program, device.limits)),
      TE.chain(plan =>
        TE.bracket(
          prepare(device, plan),
          executable =>
            pipe(
              execute(
                device,
                executable,
                given.map(({ stored }) => stored as DeviceBuffer)
              ),
              TE.chain(([flag]) =>
                TE.bracket(
                  TE.right(flag as DeviceBuffer),
                  buffer => failureOf(device, checks, buffer),
                  buffer => TE.fromIO(() => releaseBuffer(buffer))
                )
              ),
              TE.map(failure => failure?.check.call.label)
            ),
          executable => TE.fromIO(() => disposeExecutable(executable))
        )
      )
    )
  }
