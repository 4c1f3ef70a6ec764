/** The worker of a page: runs blocks and exercises, and tells of what they give as it comes. */
import { lessons } from 'lambda-darts:lessons'
import { isPicture, type Statement, statementsOf, toldOf } from '../chapter.js'
import { complaintAbout, expectedOf, outcomeOf, shown as textOf } from '../expected.js'
import type { Backend, Request, Shown, Told } from '../protocol.js'
import { blockOf } from './block.js'
import { failureOf } from './errors.js'
import { COURSE, loaderFrom, moduleOf, type Opened, packageFor } from './modules.js'
import { emptyProgram, type Program } from './program.js'
import { vitest } from './vitest.js'

/** The messages of a worker, which the compiler's library for pages does not have. */
declare const self: {
  postMessage: (told: Told) => void
  onmessage: (event: { readonly data: Request }) => void
}
const tell = (told: Told): void => self.postMessage(told)

/** A chapter under way: what has run so far, and on what. */
interface Session {
  readonly chapter: string
  readonly backend: Backend
  readonly program: Program
  readonly ran: readonly string[]
}
let session: Session | undefined
let open: readonly Opened[] = []

const opened = (one: Opened): void => {
  open = [...open, one]
  tell({ kind: 'opened', name: one.name })
}

/** Gives back what earlier runs hold on the device. */
const closeAll = (): void => {
  for (const one of open) one.dispose()
  open = []
}

/** A text prints as it is, all else in the notation of comments. */
const printed = (value: unknown): string => (typeof value === 'string' ? value : textOf(value))

/** The console of code: what it prints is shown. */
const consoleFor = (show: (shown: Shown) => void): unknown => {
  const print = (...values: readonly unknown[]): void => show({ kind: 'line', text: values.map(printed).join(' ') })
  return { ...console, log: print, info: print, warn: print, error: print, debug: print, table: print }
}

const isPrint = ({ start }: Statement, code: string): boolean => code.startsWith('console.log', start)

/**
 * The statements that are shown: expressions, and declarations with a comment behind them. What `console.log` prints is
 * printed, unless a comment says a value.
 */
const toShow = (code: string): readonly Statement[] =>
  statementsOf(code).filter(statement => {
    const { kind, comment } = statement
    if (comment && expectedOf(comment.text) !== undefined) return true
    return kind === 'expression' ? !isPrint(statement, code) : comment !== undefined
  })

/**
 * What is shown of a statement: what a comment stands behind, what a block ends with, and pictures; nothing where there
 * is none and no comment says so.
 */
const shownOf = async (statement: Statement, isLast: boolean, run: () => unknown): Promise<Shown | undefined> => {
  const { line, value: code, comment } = statement
  const expected = comment && expectedOf(comment.text)
  const outcome = await outcomeOf(expected, run)
  if (outcome.kind === 'value' && isPicture(outcome.value)) return { kind: 'picture', line, svg: outcome.value }
  if (!expected && outcome.kind === 'value' && (outcome.value === undefined || !(comment || isLast))) return undefined
  const text = outcome.kind === 'value' ? textOf(outcome.value) : `${outcome.error.name}: ${outcome.error.message}`
  if (!expected) return { kind: 'value', line, code, text }
  const holds = complaintAbout(expected, outcome) === undefined
  return { kind: 'value', line, code, text, said: { text: expected.text, holds } }
}

/** Whether only comments follow a statement. */
const isLast = ({ end }: Statement, code: string): boolean =>
  code
    .slice(end)
    .split('\n')
    .every(line => /^[\s;]*(\/\/.*)?$/.test(line))

/** Runs a block and tells of it; false where it failed. */
const runBlock = async (program: Program, code: string, index: number): Promise<boolean> => {
  const show = (shown: Shown): void => tell({ kind: 'shown', block: index, shown })
  const file = `block-${index + 1}.ts`
  const start = performance.now()
  let line: number | null = null
  tell({ kind: 'began', block: index })
  try {
    const statements = toShow(code)
    const block = blockOf(toldOf(code, statements, '__tell'))
    const told = async (place: number, run: () => unknown): Promise<void> => {
      const statement = statements[place] as Statement
      const shown = await shownOf(statement, isLast(statement, code), run)
      if (shown) show(shown)
    }
    await program.run(block, file, { __tell: told, console: consoleFor(show) }, at => {
      line = at
    })
    return true
  } catch (error) {
    show({ kind: 'error', ...failureOf(error, file, line) })
    return false
  } finally {
    tell({ kind: 'ended', block: index, milliseconds: performance.now() - start })
  }
}

/** The session that a run goes on from: the blocks that ran are the first of those that are wanted. */
const sessionFor = (chapter: string, blocks: readonly string[], backend: Backend): Session => {
  const goesOn =
    session?.chapter === chapter &&
    session.backend === backend &&
    session.ran.length < blocks.length &&
    session.ran.every((text, i) => text === blocks[i])
  if (session && goesOn) return session
  closeAll()
  const load = loaderFrom(`${COURSE}/${chapter}.ts`, packageFor(backend, opened))
  return { chapter, backend, program: emptyProgram(load), ran: [] }
}

const run = async (chapter: string, blocks: readonly string[], backend: Backend): Promise<boolean> => {
  let now = sessionFor(chapter, blocks, backend)
  session = undefined
  for (const [index, text] of blocks.entries()) {
    if (index < now.ran.length) continue
    if (!(await runBlock(now.program, text, index))) return false
    now = { ...now, ran: [...now.ran, text] }
  }
  session = now
  return true
}

/** Why a test fails; null where it passes. */
const failureOfTest = async (run: () => unknown, file: string): Promise<string | null> => {
  try {
    await run()
    return null
  } catch (error) {
    return failureOf(error, file, null).message
  }
}

/** Holds an exercise to its tests; each is told of by its name. */
const check = async (chapter: string, text: string, backend: Backend): Promise<boolean> => {
  const file = `${COURSE}/exercises/${chapter.slice(0, 2)}.ts`
  const { module, tests } = vitest()
  const show = (shown: Shown): void => tell({ kind: 'shown', block: -1, shown })
  const start = performance.now()
  let passed = true
  tell({ kind: 'began', block: -1 })
  closeAll()
  session = undefined
  try {
    const around = { console: consoleFor(show) }
    const modules = new Map([...packageFor(backend, opened), ['vitest', () => module]])
    const stub = await moduleOf(text, file, loaderFrom(file, modules), around)
    const load = loaderFrom(
      file,
      modules.set(file.replace('.ts', '.js'), () => stub)
    )
    await moduleOf(lessons[chapter]?.exercise?.test ?? '', file.replace('.ts', '.test.ts'), load, around)
    for (const { name, run } of tests) {
      const failure = await failureOfTest(run, file)
      passed &&= failure === null
      show({ kind: 'check', name, failure })
    }
  } catch (error) {
    passed = false
    show({ kind: 'error', ...failureOf(error, file, null) })
  }
  tell({ kind: 'ended', block: -1, milliseconds: performance.now() - start })
  return passed
}

self.onmessage = async ({ data }) => {
  const passed =
    data.kind === 'run'
      ? await run(data.chapter, data.blocks, data.backend)
      : await check(data.chapter, data.text, data.backend)
  tell({ kind: 'done', failed: !passed })
}
