/** `lambda-darts gradcheck` */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import type { CheckOptions } from '../../autodiff/check.js'
import { argumentsText, type CheckError } from '../../autodiff/checks/error.js'
import { describe } from '../../autodiff/shape.js'
import type { Tree } from '../../autodiff/tree.js'
import { type Backend, type GivenArguments, gradientFailure, openDevice } from '../../engine/index.js'
import { parseGiven } from '../configuration/options.js'
import { backendName } from '../text.js'
import { checkBackend, type GivenBackend, infoOf, withBackend } from './backend.js'
import { complain, say } from './outputs.js'
import { BAD_INPUT, DONE, FAILED, orRefuse, Refusal, refuse } from './refusal.js'
import { type Subcommand, withManual } from './subcommand.js'

/** What a module exports to be checked: a function and its arguments. */
export interface Case {
  readonly name: string
  readonly f: (...args: readonly Tree[]) => Tree
  readonly args: GivenArguments<readonly Tree[]>
  readonly options: CheckOptions
}

interface Result {
  readonly name: string
  readonly backend: Backend
  readonly error: CheckError | undefined
}

interface Given extends GivenBackend {
  readonly json?: boolean
}

const LARGEST_SEED = Number.MAX_SAFE_INTEGER
const NUMBERS = [
  {
    key: 'order',
    flag: '--order <n>',
    help: 'derivatives up to this order (default: 2)',
    least: 1,
    most: 6,
    whole: true
  },
  {
    key: 'seed',
    flag: '--seed <n>',
    help: 'decides the directions (default: 0)',
    least: 0,
    most: LARGEST_SEED,
    whole: true
  },
  {
    key: 'tolerance',
    flag: '--tolerance <x>',
    help: 'how far derivatives and central differences may be apart, relative to what is added up (default: 1e-6)',
    least: 0
  },
  {
    key: 'eps',
    flag: '--eps <x>',
    help: 'how far differences move the arguments (default: 1e-5)',
    least: Number.MIN_VALUE
  }
] as const

const CASE = '{ f: x => ..., args: [...] }'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** An export as a case; undefined if it is something else. */
const caseOf = (name: string, value: unknown): Case | undefined => {
  if (!isRecord(value) || !('f' in value) || !('args' in value)) return undefined
  const { f, args, options = {} } = value
  if (typeof f !== 'function') return refuse(`the f of '${name}' to be a function`, describe(f), `write ${CASE}`)
  if (!Array.isArray(args)) return refuse(`the args of '${name}' to be a list`, describe(args), `write ${CASE}`)
  return { name, f: f as Case['f'], args, options: options as CheckOptions }
}

/** A file and, behind a colon, the name of an export of it. */
const partsOf = (given: string): { readonly file: string; readonly name?: string } => {
  const named = existsSync(given) ? null : /^(.+):([\p{ID_Start}$_][\p{ID_Continue}$]*)$/u.exec(given)
  return named ? { file: named[1] as string, name: named[2] as string } : { file: given }
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]?.replace(/\.$/, '') ?? ''

/** Why a module cannot be loaded, and what to do. */
const unloadable = (file: string, error: unknown): never => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_UNKNOWN_FILE_EXTENSION'
    ? refuse(
        `a module that Node ${process.versions.node} can load`,
        `'${file}'`,
        'run it with Node 22.18 or later, put NODE_OPTIONS="--import tsx" before the command, or write an .mjs file'
      )
    : refuse(`a module in '${file}'`, `'${messageOf(error)}'`, 'mend what it says')
}

const load = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
  if (!existsSync(file))
    return refuse('a file with functions to check', `'${file}', which is not there`, 'correct the path')
  try {
    return await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    return unloadable(file, error)
  }
}

/** The cases of a module, or the one that is named. */
export const casesOf = async (given: string): Promise<readonly Case[]> => {
  const { file, name } = partsOf(given)
  const module = await load(file)
  const found = Object.entries(module)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => caseOf(key, value) ?? [])
  const names = found.map(one => one.name).join(', ') || 'none'
  const wanted = found.filter(one => name === undefined || one.name === name)
  return wanted.length > 0
    ? wanted
    : refuse(
        name === undefined ? `an export like ${CASE} in '${file}'` : `an export '${name}' like ${CASE} in '${file}'`,
        names,
        name === undefined ? `write export const mine = ${CASE}` : 'name one that it has'
      )
}

/** The backends to check on: the reference by differences, a device by the reference. */
const backendsOf = async ({ backend, adapter, unfused, verify = false }: Given): Promise<readonly Backend[]> => {
  const reference: Backend = { kind: 'reference' }
  if (backend === 'reference') return [reference]
  const opened = await openDevice(adapter === undefined ? {} : { adapter })()
  if (E.isRight(opened)) {
    const gpu: Backend = { kind: 'gpu', device: opened.right, fused: !unfused, verify }
    return backend === 'gpu' ? [gpu] : [reference, gpu]
  }
  if (backend === 'gpu' || adapter !== undefined || opened.left._tag !== 'NoAdapter')
    throw new Refusal(BAD_INPUT, opened.left.message)
  complain('No WebGPU adapter was found, so that the reference alone is checked; `npm run adapter` may find one.')
  return [reference]
}

const checked = async ({ name, f, args, options }: Case, backend: Backend, more: CheckOptions): Promise<Result> => {
  const settings = { shrink: true, ...options, ...more }
  try {
    const result = await gradientFailure(f, args, settings)({ backend })()
    if (E.isRight(result)) return { name, backend, error: result.right }
    const { _tag, message } = result.left
    throw new Refusal(_tag === 'ShapeError' || _tag === 'InvalidArgument' ? BAD_INPUT : FAILED, `${name}: ${message}`)
  } catch (error) {
    if (error instanceof Refusal) throw error
    return refuse(`the f of '${name}' to take its args`, `'${messageOf(error)}'`, 'mend what it says')
  }
}

const orderOf = ({ options }: Case, more: CheckOptions): number => more.order ?? options.order ?? 2

const lineOf = (one: Case, { backend, error }: Result, more: CheckOptions): string => {
  const where = `${one.name} on ${backendName(infoOf(backend))}`
  if (error) return `${where}: ${error.message}`
  const orders = `derivatives to order ${orderOf(one, more)}`
  return backend.kind === 'gpu'
    ? `${where}: value and ${orders} are as on the reference.`
    : `${where}: ${orders} are as central differences have them.`
}

const recordOf = ({ name, backend, error }: Result) => ({
  name,
  backend: infoOf(backend)?.name ?? 'reference',
  ok: error === undefined,
  ...(error && {
    message: error.message,
    against: error.against,
    order: error.order,
    output: error.output,
    inputs: error.inputs,
    wanted: String(error.wanted),
    got: String(error.got),
    relativeError: String(error.relativeError),
    kink: error.kink ?? null,
    arguments: argumentsText(error.given)
  })
})

const run = async (file: string, given: Given): Promise<number> => {
  checkBackend(given)
  const more: CheckOptions = orRefuse(parseGiven(NUMBERS, given))
  const cases = await casesOf(file)
  const backends = await backendsOf(given)
  const results: Result[] = []
  for (const one of cases)
    for (const backend of backends) {
      const result = await checked(one, backend, more)
      results.push(result)
      if (!given.json) say(lineOf(one, result, more))
    }
  if (given.json) say(JSON.stringify(results.map(recordOf)))
  return results.some(({ error }) => error) ? FAILED : DONE
}

const notes = `A case is an export of a module: a function, and the arguments to check it at.

  // cube.mjs
  import { $ } from 'lambda-darts'
  export const cube = { f: x => $.mul(x, $.mul(x, x)), args: [[0.5, 1, 2]] }`

export const gradcheckCommand: Subcommand = (root, finish) => {
  const command = root
    .command('gradcheck')
    .description(
      'checks the derivatives of functions in a module: by central differences in float64, then on the adapter by ' +
        'the reference'
    )
    .argument('<file>', 'a module, and behind a colon the name of one export: model.mjs:loss')
  for (const { flag, help } of NUMBERS) command.option(flag, help)
  withBackend(command)
    .option('--json', 'as JSON')
    .action((file, given) => finish(run(file, given)))
  withManual(command, {
    notes,
    examples: [
      ['lambda-darts gradcheck cube.mjs', 'all cases of a file, on the reference and on the adapter'],
      ['lambda-darts gradcheck cube.mjs:cube --order 3', 'one of them, to the third derivative'],
      ['lambda-darts gradcheck cube.mjs --backend reference', 'by central differences alone']
    ],
    fails: 'a derivative is off: the entries are named, and by how much'
  })
}
