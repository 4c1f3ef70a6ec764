/** The worker that runs code: started when it is first needed, ended to stop what it does. */
import type { Request, Told } from '../protocol.js'

declare global {
  /** The text of the worker, which `worker.js` leaves: a page of `file:` may start one of a blob only. */
  var courseWorker: string | undefined
}

export interface Runner {
  /** Starts the worker beforehand. */
  readonly warm: () => void
  /** Runs something; `seen` is told what comes of it. Resolves when it is done, failed or stopped. */
  readonly run: (request: Request, seen: (told: Told) => void) => Promise<'done' | 'failed' | 'stopped'>
  /** Ends what runs; the next run starts anew. */
  readonly stop: () => void
}

/** The address of the worker's text, which is loaded once. */
const addressOf = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = 'worker.js'
    script.onload = () =>
      resolve(URL.createObjectURL(new Blob([globalThis.courseWorker ?? ''], { type: 'text/javascript' })))
    script.onerror = () => reject(new Error('worker.js is missing: it belongs beside this page'))
    document.head.append(script)
  })

export const makeRunner = (): Runner => {
  let address: Promise<string> | undefined
  let worker: Promise<Worker> | undefined
  let halt: (() => void) | undefined
  const started = (): Promise<Worker> => {
    address ??= addressOf()
    worker ??= address.then(url => new Worker(url))
    return worker
  }
  const run: Runner['run'] = async (request, seen) => {
    const now = await started()
    return new Promise((resolve, reject) => {
      halt = () => {
        now.terminate()
        worker = undefined
        resolve('stopped')
      }
      now.onmessage = ({ data }: MessageEvent<Told>) => {
        seen(data)
        if (data.kind === 'done') resolve(data.failed ? 'failed' : 'done')
      }
      now.onerror = ({ message }) => reject(new Error(message))
      now.postMessage(request)
    })
  }
  return { warm: () => void started(), run, stop: () => halt?.() }
}
