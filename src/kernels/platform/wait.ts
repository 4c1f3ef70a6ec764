/**
 * Waiting for the device without burning a core. While a promise waits for the device, Dawn calls
 * `globalThis.setImmediate` again and again; on a software adapter that core is missing from the work waited for. A
 * wait spins for a moment, so that short ones stay short, and then polls by timers, each of which may come a
 * millisecond late. A GPU does not need that core: there only long waits leave it.
 */
/** For so long a wait spins. */
const SPIN_MILLISECONDS = { software: 0.3, gpu: 50 }

/** Dawn's callbacks, which are native. */
const native = /^function \(\) \{ \[native code\] \}$/
let waits = 0 // they overlap
let polled = 0 // from when on timers poll
let before = globalThis.setImmediate

/** Only Dawn's own callback is slowed: other users of setImmediate keep its order and can cancel. */
const throttled = (callback: (...args: unknown[]) => void, ...args: unknown[]) =>
  performance.now() > polled && native.test(Function.prototype.toString.call(callback))
    ? setTimeout(callback, 1, ...args)
    : before(callback, ...args)

/** Awaits a promise of a device, with polling throttled until the last of the overlapping waits has ended. */
export const waiting = async <A>({ software }: { readonly software: boolean }, promise: Promise<A>): Promise<A> => {
  if (waits++ === 0) {
    polled = performance.now() + SPIN_MILLISECONDS[software ? 'software' : 'gpu']
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
