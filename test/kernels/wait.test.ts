/** Throttled waiting: who is slowed, and that `setImmediate` is the old one afterwards. */
import { afterEach, expect, it } from 'vitest'
import { waiting } from '../../src/kernels/wait.js'
import { device } from '../device.js'

const before = globalThis.setImmediate
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
  const wait = waiting(one.promise)
  expect(globalThis.setImmediate).not.toBe(before)
  one.resolve()
  await wait
  expect(globalThis.setImmediate).toBe(before)
})

it('keeps it exchanged until the last of overlapping waits has ended, in any order', async () => {
  const [one, two, three] = [open(), open(), open()]
  const waits = [one, two, three].map(({ promise }) => waiting(promise))
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
  const wait = waiting(one.promise)
  one.reject()
  await expect(wait).rejects.toThrow('on purpose')
  expect(globalThis.setImmediate).toBe(before)
})

it('restores the one that stood there', async () => {
  const other = Object.assign((...given: Parameters<typeof before>) => before(...given), before) as typeof before
  globalThis.setImmediate = other
  await waiting(Promise.resolve())
  expect(globalThis.setImmediate).toBe(other)
})

it("slows only the device's callbacks, and only after a moment", async () => {
  const native = () => (() => {}).bind(undefined)
  const isTimer = (callback: () => void) => {
    const handle = globalThis.setImmediate(callback) as unknown
    clearTimeout(handle as NodeJS.Timeout)
    clearImmediate(handle as NodeJS.Immediate)
    return Object.getPrototypeOf(handle).constructor.name === 'Timeout'
  }
  const one = open()
  const wait = waiting(one.promise)
  await sleep(2)
  expect(isTimer(native())).toBe(true)
  expect(isTimer(() => {})).toBe(false)
  one.resolve()
  await wait
  expect(isTimer(native())).toBe(false)
})

it('leaves short waits as quick as they are', async () => {
  // A pause of the process may outlast the moment, though not ten times.
  const callbacks: string[] = []
  for (let i = 0; i < 10; i++) {
    const one = open()
    const wait = waiting(one.promise)
    const handle = globalThis.setImmediate((() => {}).bind(undefined)) as unknown
    one.resolve()
    await wait
    callbacks.push(Object.getPrototypeOf(handle).constructor.name)
  }
  expect(callbacks).toContain('Immediate')
})

it('knows the callbacks by which the device polls', async () => {
  const polls: string[] = []
  globalThis.setImmediate = ((callback: () => void, ...given: []) => {
    polls.push(Function.prototype.toString.call(callback))
    return before(callback, ...given)
  }) as typeof before
  device.device.queue.submit([])
  await waiting(device.device.queue.onSubmittedWorkDone())
  expect(polls.length).toBeGreaterThan(0)
  expect(new Set(polls)).toEqual(new Set(['function () { [native code] }']))
})
