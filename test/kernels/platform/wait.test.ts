/** Throttled waiting: who is slowed, and that `setImmediate` is the old one afterwards. */
import { afterEach, expect, it } from 'vitest'
import { waiting } from '../../../src/kernels/platform/wait.js'
import { device } from '../../device.js'

const before = globalThis.setImmediate
const [SOFTWARE, GPU] = [{ software: true }, { software: false }]
afterEach(() => {
  globalThis.setImmediate = before
})

/** A promise that is resolved or rejected by hand. */
const open = () => {
  let resolve = () => {}
  let reject = () => {}
  const promise = new Promise<void>((done, fail) => {
    resolve = () => done()
    reject = () => fail(new Error('on purpose'))
  })
  return { promise, resolve, reject }
}

const sleep = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

it('exchanges setImmediate for the time of a wait', async () => {
  const one = open()
  const wait = waiting(SOFTWARE, one.promise)
  expect(globalThis.setImmediate).not.toBe(before)
  one.resolve()
  await wait
  expect(globalThis.setImmediate).toBe(before)
})

it('keeps it exchanged until the last of overlapping waits has ended, in any order', async () => {
  const [one, two, three] = [open(), open(), open()]
  const waits = [one, two, three].map(({ promise }) => waiting(SOFTWARE, promise))
  two.resolve()
  await waits[1]
  expect(globalThis.setImmediate).not.toBe(before)
  three.resolve()
  await waits[2]
  expect(globalThis.setImmediate).not.toBe(before)
  one.resolve()
  await waits[0]
  expect(globalThis.setImmediate).toBe(before)
})

it('restores it after a wait that fails, and passes the failure on', async () => {
  const one = open()
  const wait = waiting(SOFTWARE, one.promise)
  one.reject()
  await expect(wait).rejects.toThrow('on purpose')
  expect(globalThis.setImmediate).toBe(before)
})

it('restores the one that stood there', async () => {
  const other = Object.assign((...given: Parameters<typeof before>) => before(...given), before) as typeof before
  globalThis.setImmediate = other
  await waiting(SOFTWARE, Promise.resolve())
  expect(globalThis.setImmediate).toBe(other)
})

const native = () => (() => {}).bind(undefined)
/** Whether a callback is called by a timer instead. */
const isTimer = (callback: () => void): boolean => {
  const handle = globalThis.setImmediate(callback) as unknown
  clearTimeout(handle as NodeJS.Timeout)
  clearImmediate(handle as NodeJS.Immediate)
  return Object.getPrototypeOf(handle).constructor.name === 'Timeout'
}

it("slows only the device's callbacks, and only after a moment", async () => {
  const one = open()
  const wait = waiting(SOFTWARE, one.promise)
  await sleep(2)
  expect(isTimer(native())).toBe(true)
  expect(isTimer(() => {})).toBe(false)
  one.resolve()
  await wait
  expect(isTimer(native())).toBe(false)
})

/**
 * Whether callbacks of a wait are slowed after so many milliseconds, in each of ten: a pause of the process may outlast
 * any moment, though not ten times.
 */
const slowedAfter = async (
  adapter: { readonly software: boolean },
  milliseconds: number
): Promise<readonly boolean[]> => {
  const slowed: boolean[] = []
  for (let i = 0; i < 10; i++) {
    const one = open()
    const wait = waiting(adapter, one.promise)
    if (milliseconds > 0) await sleep(milliseconds)
    slowed.push(isTimer(native()))
    one.resolve()
    await wait
  }
  return slowed
}

it('leaves short waits as quick as they are, and on a GPU all but long ones: no core is missing there from the work waited for', async () => {
  expect(await slowedAfter(SOFTWARE, 0)).toContain(false)
  expect(await slowedAfter(GPU, 2)).toContain(false)
  expect(await slowedAfter(GPU, 60)).not.toContain(false)
})

it('knows the callbacks by which the device polls', async () => {
  const polls: string[] = []
  globalThis.setImmediate = ((callback: () => void, ...given: []) => {
    polls.push(Function.prototype.toString.call(callback))
    return before(callback, ...given)
  }) as typeof before
  device.device.queue.submit([])
  await waiting(device.info, device.device.queue.onSubmittedWorkDone())
  expect(polls.length).toBeGreaterThan(0)
  expect(new Set(polls)).toEqual(new Set(['function () { [native code] }']))
})
