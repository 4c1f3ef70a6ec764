/** The page of a chapter: editors in the place of its code, and what runs them. */
import type { lessons } from 'lambda-darts:lessons'
import type { Backend, Request, Told } from '../protocol.js'
import { type Cell, cellIn } from './cell.js'
import { showDevice } from './device.js'
import { makeRunner } from './worker.js'

const find = <E extends HTMLElement = HTMLElement>(selector: string): E => {
  const found = document.querySelector<E>(selector)
  if (!found) throw new Error(`the page has no ${selector}: build it anew, npm run course:site`)
  return found
}

/** The buttons for all blocks, and what is said of a run. */
const controls = () => {
  const [all, stop, reset] = [find('[data-do=run-all]'), find('[data-do=stop]'), find('[data-do=reset-all]')]
  const state = find('.controls .state')
  return {
    all,
    stop,
    reset,
    say: (text: string) => {
      state.textContent = text
    },
    /** While something runs, it can be stopped and nothing else be started. */
    running: (is: boolean) => {
      document.body.classList.toggle('running', is)
      stop.hidden = !is
      all.hidden = is
    }
  }
}

/** Makes the page of a chapter do what its buttons say. */
export const startChapter = (chapter: string, { blocks, exercise }: (typeof lessons)[string]): void => {
  const runner = makeRunner()
  const { all, stop, reset, say, running } = controls()
  const cells = new Map<number, Cell>()
  let backend: () => Backend = () => 'gpu'
  let isRunning = false

  /** What is said of a run that is over. */
  let last = { on: '', failed: '' }
  const take = (told: Told): void => {
    if (told.kind === 'opened') last = { ...last, on: ` on ${told.name}` }
    if (!('block' in told)) return
    const cell = cells.get(told.block)
    const name = told.block < 0 ? 'the exercise' : `block ${told.block + 1}`
    if (told.kind === 'began') {
      say(`${name} runs`)
      cell?.began()
    }
    if (told.kind === 'ended') cell?.ended(told.milliseconds)
    if (told.kind !== 'shown') return
    cell?.show(told.shown)
    if (told.shown.kind === 'error') last = { ...last, failed: `${name} failed` }
    if (told.shown.kind === 'check' && told.shown.failure !== null) last = { ...last, failed: 'a check fails' }
  }
  const start = async (request: Request): Promise<void> => {
    if (isRunning) return
    isRunning = true
    last = { on: '', failed: '' }
    running(true)
    say('starting')
    const outcome = await runner.run(request, take).catch((error: Error) => error.message)
    for (const cell of cells.values()) cell.stopped()
    const words: Record<string, string> = {
      done: `done${last.on}`,
      failed: last.failed,
      stopped: 'stopped: the next run begins at block 1'
    }
    say(words[outcome] ?? outcome)
    isRunning = false
    running(false)
  }
  const runTo = (last: number): void => {
    const texts = blocks.slice(0, last + 1).map((_, i) => cells.get(i)?.text() ?? '')
    void start({ kind: 'run', chapter, blocks: texts, backend: backend() })
  }
  const outdate = (from: number): void => {
    for (const [i, cell] of cells) if (i >= from) cell.outdated()
  }

  for (const [i, original] of blocks.entries())
    cells.set(
      i,
      cellIn(find(`[data-block="${i}"]`), {
        chapter,
        name: `Block ${i + 1}`,
        word: 'Run',
        original,
        figures: [...document.querySelectorAll<HTMLElement>(`figure.picture[data-after="${i}"]`)],
        changed: () => outdate(i),
        run: () => runTo(i)
      })
    )
  if (exercise) {
    const check = (): void =>
      void start({ kind: 'check', chapter, text: cells.get(-1)?.text() ?? '', backend: backend() })
    cells.set(
      -1,
      cellIn(find('[data-exercise]'), {
        chapter,
        name: 'The exercise',
        word: 'Check',
        original: exercise.stub.trimEnd(),
        figures: [],
        changed: () => cells.get(-1)?.outdated(),
        run: check
      })
    )
  }
  all.addEventListener('click', () => runTo(blocks.length - 1))
  stop.addEventListener('click', () => runner.stop())
  reset.addEventListener('click', () => {
    for (const cell of cells.values()) cell.reset()
  })
  running(false)
  reset.hidden = false
  void showDevice(find('.device')).then(chosen => {
    backend = chosen
  })
  requestIdleCallback(() => runner.warm())
}
