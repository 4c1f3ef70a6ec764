/**
 * Where lines go: results to standard output, all that is said beside them to standard error, and what becomes of them
 * there.
 */
import { DONE, FAILED, READER_LEFT } from './refusal.js'

/**
 * A text with what would steer a terminal written out, as JSON does it, so that a line of JSON stays one: texts of files
 * and arguments are among what is said.
 */
export const printable = (text: string): string =>
  text.replace(STEERING, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

export const say = (line: string): void => void process.stdout.write(`${printable(line)}\n`)
export const complain = (line: string): void => void process.stderr.write(`${printable(line)}\n`)

/** Whether a stream took all that was written to it. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> => new Promise(resolve => stream.write('', () => resolve()))

/**
 * Keeps a run going when nobody reads what it says any more (`| head -1`), or nothing holds it (a full disk): its files
 * are what counts. Gives what turns the run's exit code into that of the process: what could not be said is a failure,
 * and a reader that left has a code of its own.
 */
export const watchOutputs = (): ((code: number) => Promise<number>) => {
  const failed = new Map<NodeJS.WriteStream, NodeJS.ErrnoException>()
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', error => {
      if (!failed.has(stream)) failed.set(stream, error)
    })
  return async code => {
    await Promise.all([process.stdout, process.stderr].map(flushed))
    const reason = failed.get(process.stdout)
    if (reason && reason.code !== 'EPIPE')
      complain(
        `Wanted standard output to take all that was said, but got '${reason.message}': ` +
          'read the files of the run, or write to something that takes it all.'
      )
    if (failed.size === 0 || code !== DONE) return code
    return reason?.code === 'EPIPE' ? READER_LEFT : FAILED
  }
}
