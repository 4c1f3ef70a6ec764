/** Errors of blocks as sentences with their lines. */

export interface Failure {
  readonly line: number | null
  readonly name: string
  readonly message: string
}

/** The line of a file in the trace of an error, in the notations of browsers: `FILE:3:5`. */
const lineIn = (stack: string, file: string): number | null => {
  const at = stack.indexOf(`${file}:`)
  const line = at < 0 ? Number.NaN : Number.parseInt(stack.slice(at + file.length + 1), 10)
  return Number.isNaN(line) ? null : line
}

/** Sucrase says the place at the end of its sentence, which begins with what it was doing. */
const syntaxError = (message: string): Failure | undefined => {
  const [, sentence = '', line] = /^(?:Error transforming [^:]*: )?(.*) \((\d+):\d+\)$/s.exec(message) ?? []
  return line === undefined ? undefined : { line: Number(line), name: 'SyntaxError', message: sentence }
}

/** What was thrown in a block: `file` is its name in traces, `statement` the line of the statement that ran last. */
export const failureOf = (thrown: unknown, file: string, statement: number | null): Failure => {
  if (!(thrown instanceof Error)) return { line: statement, name: 'Thrown', message: String(thrown) }
  const { name, message, stack = '' } = thrown
  const syntax = name === 'SyntaxError' ? syntaxError(message) : undefined
  return syntax ?? { line: lineIn(stack, file) ?? statement, name, message }
}
