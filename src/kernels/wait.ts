/**
 * Waiting for the device without burning a core. While a promise waits for the device, Dawn calls `globalThis.setImmediate`
 * again and again; on a software adapter that core is missing from the work waited for. A wait spins for a moment, so that
 * short ones stay short, and then polls by timers.
 */
const SPIN_MILLISECONDS = 0.3

const native = /^function \(\) \{ \[native code\] \}$/
let waits = 0 // they overlap
let since = 0
let before = globalThis.setImmediate

/** Only Dawn's own callback is slowed: other users of setImmediate keep its order and can cancel. */
const throttled = (callback: (...args: unknown[]) => void, ...args: unknown[]) =>
  performance.now() - since > SPIN_MILLISECONDS && native.test(Function.prototype.toString.call(callback))
    ? setTimeout(callback, 1, ...args)
    : before(callback, ...args)

/** Awaits a promise of the device, with polling throttled until the last of the overlapping waits has ended. */
export const waiting = async <A>(promise: Promise<A>): Promise<A> => {
  if (waits++ === 0) {
    since = performance.now()
    before = globalThis.setImmediate
    // Dawn looks the function up at each call, so it can be exchanged for the time of a wait.
    globalThis.setImmediate = throttled as unknown as typeof setImmediate
  }
  try {
    return await promise
  } finally {
    if (--waits === 0) globalThis.setImmediate = before
  }
}
