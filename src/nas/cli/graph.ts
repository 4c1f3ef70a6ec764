/** `lambda-darts graph` */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RTE from 'fp-ts/lib/ReaderTaskEither.js'
import { topological } from '../../autodiff/graph.js'
import type { Lowered } from '../../autodiff/lowering/lower.js'
import { type Aval, sizeOf } from '../../autodiff/shape.js'
import type { Tensor } from '../../autodiff/tensor.js'
import type { Tree } from '../../autodiff/tree.js'
import { leavesOf, rebuild } from '../../autodiff/tree.js'
import {
  compile,
  constantsOf,
  dispose,
  type Engine,
  type HostArray,
  isAval,
  type Profile,
  profileKernels,
  scope,
  store
} from '../../engine/index.js'
import { draw, type GraphOptions, graphDot, standalone } from '../../pictures/index.js'
import { parseOption } from '../configuration/options.js'
import { countsOf, framesOf, STAGES, type Stage, type StageCounts, type Stages, stagesOf } from '../graphs/stages.js'
import { type Avals, cellOfGenotype, cellOfSpace, derivativeOf, type Subject } from '../graphs/subject.js'
import { backendName, counted } from '../text.js'
import { checkBackend, type GivenBackend, infoOf, openBackend, withBackend } from './backend.js'
import { writeWhole } from './files.js'
import { casesOf } from './gradcheck.js'
import { readGenotype, readSpace } from './inputs.js'
import { complain, say } from './outputs.js'
import { DONE, FAILED, orRefuse, orShapeRefusal, refuse } from './refusal.js'
import { type Subcommand, withManual } from './subcommand.js'

interface Given extends GivenBackend {
  readonly space?: string
  readonly genotype?: string
  readonly kind?: string
  readonly stage?: string
  readonly time?: boolean
  readonly collapse?: boolean
  readonly right?: boolean
  readonly dot?: boolean
  readonly out?: string
}

const SIZES = [
  {
    key: 'order',
    flag: '--order <n>',
    help: '0 the function, 1 its gradient, 2 its second derivative',
    usual: '0',
    least: 0,
    most: 2
  },
  { key: 'channels', flag: '--channels <n>', help: 'channels of the cell', usual: '4', least: 1, most: 1024 },
  { key: 'size', flag: '--size <n>', help: 'height and width of its images', usual: '8', least: 2, most: 1024 },
  { key: 'batch', flag: '--batch <n>', help: 'its images', usual: '2', least: 1, most: 4096 }
] as const

/** Graphs of more nodes are drawn with their chains collapsed: nobody reads them otherwise. */
const MOST_READ = 200

/** The only case of a file, or the one that is named. */
const ownSubject = async (file: string): Promise<Subject> => {
  const [one, ...others] = await casesOf(file)
  if (!one || others.length > 0)
    return refuse('one function', `${others.length + 1} in '${file}'`, 'name the export behind a colon')
  const args = Object.fromEntries(constantsOf(one.args).map((arg, i) => [`argument ${i}`, arg])) as {
    [name: string]: Avals
  }
  return { name: one.name, args, f: given => one.f(...Object.keys(args).map(key => given[key] as Tree)) }
}

const cellSubject = (given: Given, sizes: Readonly<Record<string, number>>): Subject => {
  const { channels = 4, size = 8, batch = 2 } = sizes
  const space = readSpace(given.space ?? 'nb201')
  const genotype =
    given.genotype === undefined
      ? undefined
      : readGenotype(given.genotype, given.space === undefined ? undefined : space)
  const kinds = genotype ? (genotype.family === 'nb201' ? ['alpha'] : ['normal', 'reduce']) : Object.keys(space.cells)
  const kind = given.kind ?? (kinds[0] as string)
  if (!kinds.includes(kind)) refuse(`--kind to be one of ${kinds.join(', ')}`, `'${kind}'`, 'name one of these')
  return genotype
    ? cellOfGenotype(genotype, kind, { channels, size, batch })
    : cellOfSpace(space, kind, { channels, size, batch })
}

/** Numbers for arguments of any dtype: small ones of both signs, and zeros where they are indices. */
const numbersFor = ({ shape, dtype }: Aval): HostArray => {
  const length = sizeOf(shape)
  if (dtype !== 'f32') return { shape, dtype, data: dtype === 'i32' ? new Int32Array(length) : new Uint32Array(length) }
  return { shape, dtype, data: Float32Array.from({ length }, (_, i) => Math.sin(i + 1)) }
}

interface Timed {
  readonly lowered: Lowered
  readonly profile: Profile
  readonly where: string
}

/** Where the time goes on the adapter, kernel by kernel. */
const timed = async (subject: Subject, given: Given): Promise<Timed> => {
  const backend = await openBackend(given, async () => ({ flops: Number.POSITIVE_INFINITY }))
  const { args, f } = subject
  const numbers = rebuild(
    args,
    isAval,
    leavesOf(args, isAval).map(({ value }) => numbersFor(value))
  )
  const measuring: Engine<Timed | string> = scope(
    RTE.bracket(
      compile((all: { readonly [name: string]: Tree }) => f(all))([args] as never),
      compiled =>
        pipe(
          store(numbers),
          RTE.chain(stored => profileKernels(compiled)(stored as never)),
          RTE.map(told => ('missing' in told ? told.missing : { ...told, where: backendName(infoOf(backend)) }))
        ),
      compiled => RTE.fromIO(() => dispose(compiled))
    )
  )
  const result = orRefuse(await measuring({ backend })(), FAILED)
  return typeof result === 'string'
    ? refuse('an adapter that says how long kernels take', `'${result}'`, 'leave --time out')
    : result
}

const countsText = (counts: readonly StageCounts[]): string =>
  counts
    .map(
      ({ stage, nodes, kernels, dispatches, bytes }) =>
        `${stage.padEnd(8)}${counted(nodes, 'node').padStart(14)}${counted(kernels, 'kernel').padStart(14)}` +
        `${counted(dispatches, 'call').padStart(14)}${`${(bytes / 1000).toFixed(1)} kB written`.padStart(22)}`
    )
    .join('\n')

/** The name of an input. */
const leafName = ({ attributes }: Tensor): string => String(attributes['name'])

/** What is drawn of a stage: results by their names, and frames. */
const pictureOf = (stage: Stage, { built, passed, fused }: Stages, time: Timed | undefined) => {
  const lowered = time?.lowered ?? fused
  // What was compiled has the whole record as its only argument.
  const inputs = stage === 'fused' ? lowered.graph.inputs : built.inputs
  const given = Object.fromEntries(inputs.map((node, i) => [leafName(built.inputs[i] as Tensor), node]))
  const outputs = stage === 'built' ? built.outputs : stage === 'passed' ? passed.outputs : lowered.graph.outputs
  const names = Object.keys(built.names)
  const results: Tree =
    names.length === 0
      ? (outputs[0] as Tensor)
      : Object.fromEntries(names.map((name, i) => [name, outputs[i] as Tensor]))
  if (stage !== 'fused') return { outputs, results, options: { names: given } }
  const ms = time?.profile.parts.map(part => part.ms)
  const most = ms && Math.max(...ms)
  return {
    outputs,
    results,
    options: {
      names: given,
      groups: framesOf(lowered, ms),
      ...(most === undefined
        ? {}
        : { legend: `Time on ${time?.where}: the darkest frame is ${most.toPrecision(2)} ms.` })
    }
  }
}

const stageOf = ({ stage, time }: Given): Stage => {
  const named = stage ?? (time ? 'fused' : 'built')
  const found = STAGES.find(one => one === named)
  if (!found) return refuse(`--stage to be one of ${STAGES.join(', ')}`, `'${named}'`, 'name one of these')
  if (time && found !== 'fused') return refuse('--time with --stage fused', `--stage ${found}`, 'leave one of them out')
  return found
}

const run = async (file: string | undefined, given: Given): Promise<number> => {
  checkBackend(given)
  const stray = (['space', 'genotype', 'kind', 'channels', 'size', 'batch'] as const).find(
    key => given[key] !== undefined
  )
  if (file !== undefined && stray) refuse(`a file or --${stray}`, 'both', 'leave one of them out')
  const stage = stageOf(given)
  const sizes = Object.fromEntries(
    SIZES.map(option => [
      option.key,
      orRefuse(
        parseOption({ ...option, whole: true }, (given[option.key] as string | undefined) ?? option.usual)
      ) as number
    ])
  )
  const base = file === undefined ? orShapeRefusal(() => cellSubject(given, sizes)) : await ownSubject(file)
  const subject = orShapeRefusal(() => derivativeOf(base, sizes['order'] as number))
  const stages = orShapeRefusal(() => stagesOf(subject))
  const time = given.time ? await timed(subject, given) : undefined
  const { outputs, results, options: shown } = pictureOf(stage, stages, time)
  const nodes = topological(outputs).length
  const collapse = given.collapse === true || nodes > MOST_READ
  const title = `${subject.name}, ${stage}`
  const options: GraphOptions = {
    ...shown,
    collapse,
    title,
    description: `${nodes} nodes.`,
    ...(given.right ? { direction: 'right' } : {})
  }
  const picture = given.dot
    ? orShapeRefusal(() => graphDot(results, options))
    : standalone(orRefuse(await drawn(results, options)))
  const tell = given.out === undefined ? complain : say
  tell(`${title}${collapse && !given.collapse ? `: its ${nodes} nodes are drawn with chains collapsed` : ''}`)
  tell(countsText(countsOf(stages.built, stages.passed, stages.fused)))
  if (given.out === undefined) say(picture)
  else writeWhole(given.out, `${picture}\n`)
  return DONE
}

/** A picture; what is too large for one is a Left. */
const drawn = async (results: Tree, options: GraphOptions): Promise<E.Either<Error, string>> => {
  try {
    return E.right(await draw(results, options))
  } catch (error) {
    return E.left(error instanceof Error ? error : new Error(String(error)))
  }
}

export const graphCommand: Subcommand = (root, finish) => {
  const command = root
    .command('graph')
    .description(
      'draws what is computed: a cell of a space or of a genotype, or a function of your own, its gradient or its ' +
        'second derivative, before and after passes and fusion, as SVG'
    )
    .argument('[file]', 'a module, and behind a colon the name of one export, as for gradcheck: model.mjs:loss')
    .option('--space <name>', 'the space of the cell: a name, or a JSON file (default: nb201)')
    .option('--genotype <genotype>', 'the cell of a genotype instead: its text, a name, a file, or a run folder')
    .option('--kind <kind>', 'normal or reduce, where a space has both (default: normal)')
    .option('--stage <stage>', `${STAGES.join(', ')}: fused has a frame for each kernel (default: built)`)
    .option('--time', 'shades kernels by the time that they take on the adapter')
    .option('--collapse', `chains of operations as one box each (of more than ${MOST_READ} nodes always)`)
    .option('--right', 'from left to right')
    .option('--dot', 'as text for Graphviz')
    .option('--out <file>', 'the file to be written (default: standard output)')
  for (const { flag, help, usual } of SIZES) command.option(flag, `${help} (default: ${usual})`)
  withBackend(command).action((file, given) => finish(run(file, given)))
  withManual(command, {
    examples: [
      ['lambda-darts graph --out cell.svg', 'the cell of NAS-Bench-201 as it is searched'],
      [
        'lambda-darts graph --genotype lambdadarts_corr_0 --order 1 --stage fused --out fused.svg',
        'a gradient as kernels'
      ],
      [
        'lambda-darts graph model.mjs:loss --order 2 --time --out time.svg',
        'where the time of a second derivative goes'
      ]
    ],
    writes: 'the picture, where `--out` says'
  })
}
