/**
 * Loaded into a process before its own code (`--import`): kills it with SIGKILL at the `KILL_AT`-th call that writes,
 * before (`KILL_WHEN=before`), in the middle (half of the content is written) or after it. With `KILL_WHEN=full` the
 * disk is full there instead: half is written, the call fails, and so do all later ones that write content. With
 * `KILL_WHEN=files` the process has as many open files from there on as it may, whatever it closes. `KILL_LOG` names a
 * file that gets a line for each call, with what it wrote to.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const at = Number(process.env.KILL_AT ?? 0)
const when = process.env.KILL_WHEN ?? 'before'
const log = process.env.KILL_LOG
const real = { ...fs }
let calls = 0
const lines = []
/** By number of an open file, its path. */
const paths = new Map()

const die = () => {
  process.kill(process.pid, 'SIGKILL')
  for (;;); // the signal ends it here
}

/** Opens files until there can be no more: again whenever the process may have closed one. */
const occupy = () => {
  try {
    for (;;) real.openSync('/dev/null')
  } catch {
    // That is what was wanted.
  }
}

/** The first half of what a call was to write. */
const halved = args =>
  args.map((arg, i) =>
    i === 1 && (typeof arg === 'string' || ArrayBuffer.isView(arg)) ? arg.slice(0, arg.length / 2) : arg
  )

const isOccupied = () => at > 0 && calls >= at && when === 'files'

fs.openSync = (...args) => {
  if (isOccupied()) occupy()
  const file = real.openSync(...args)
  paths.set(file, String(args[0]))
  return file
}

for (const name of ['writeFileSync', 'renameSync', 'fsyncSync', 'mkdirSync', 'truncateSync', 'rmSync'])
  fs[name] = (...args) => {
    // Node's own calls of each other come here too.
    const call = ++calls
    if (call === at && when === 'before') die()
    if (isOccupied()) occupy()
    const writes = name === 'writeFileSync'
    if (at > 0 && call >= at && when === 'full' && writes) {
      if (call === at) real[name](...halved(args))
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
    }
    const result = real[name](...(call === at && when === 'middle' && writes ? halved(args) : args))
    lines.push(`${name} ${paths.get(args[0]) ?? args[0]}\n`)
    if (call === at && !['full', 'files'].includes(when)) die()
    return result
  }
syncBuiltinESMExports()

if (log) process.on('exit', () => real.writeFileSync(log, lines.join('')))
