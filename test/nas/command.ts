/** The command line in this process, with what it prints caught. */
import { vi } from 'vitest'
import { main } from '../../src/nas/cli/cli.js'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export const inProcess = async (...args: readonly string[]): Promise<Ended> => {
  const [stdout, stderr]: [string[], string[]] = [[], []]
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(text => stdout.push(String(text)) > 0),
    vi.spyOn(process.stderr, 'write').mockImplementation(text => stderr.push(String(text)) > 0)
  ]
  try {
    return { code: await main(args), stdout: stdout.join(''), stderr: stderr.join('') }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
