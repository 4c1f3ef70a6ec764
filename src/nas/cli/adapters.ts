/** `lambda-darts adapters` */
import * as E from 'fp-ts/lib/Either.js'
import { type Device, listAdapters, openDevice } from '../../engine/index.js'
import { say } from './outputs.js'
import { BAD_INPUT, DONE, orRefuse, Refusal } from './refusal.js'
import { type Subcommand, withManual } from './subcommand.js'

const run = async ({ json }: { readonly json?: boolean }): Promise<number> => {
  const adapters = orRefuse(await listAdapters()())
  const opened = await openDevice()()
  const taken: Device | undefined = E.isRight(opened) ? opened.right : undefined
  if (json) say(JSON.stringify({ adapters, taken: taken?.info ?? null }))
  else {
    for (const info of adapters) {
      const { name, vendor, architecture, backend, software } = info
      const facts = [vendor, architecture, backend, software ? 'software' : 'hardware'].filter(Boolean)
      say(`${name === taken?.info.name ? '*' : ' '} ${name}  (${facts.join(', ')})`)
    }
    if (taken) say('The adapter marked * is taken unless --adapter names another.')
  }
  if (!taken) throw new Refusal(BAD_INPUT, E.isLeft(opened) ? opened.left.message : '')
  return DONE
}

export const adaptersCommand: Subcommand = (root, finish) => {
  const command = root
    .command('adapters')
    .description('lists the WebGPU adapters, and which would be taken')
    .option('--json', 'as JSON')
    .action(given => finish(run(given)))
  withManual(command, {
    examples: [
      ['lambda-darts adapters', 'what there is to run on'],
      ['lambda-darts adapters --json', 'for a program']
    ],
    fails: 'adapters could not be asked for'
  })
}
