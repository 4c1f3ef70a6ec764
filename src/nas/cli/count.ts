/** `lambda-darts count` */
import { Option as CommandOption } from 'commander'
import { parseOption } from '../configuration/options.js'
import { derivedNetwork, sizeOfNetwork } from '../genotypes/derive.js'
import { formatGenotype } from '../genotypes/genotype.js'
import { sizeText } from '../genotypes/report.js'
import { readGenotype, readSpace } from './inputs.js'
import { say } from './outputs.js'
import { DONE, orRefuse, orShapeRefusal, refuse } from './refusal.js'
import { ownSpace } from './resume.js'
import { type Subcommand, withManual } from './subcommand.js'

/**
 * What `count` may be told of the network; the defaults are the published ones: for CIFAR-10, of DARTS and of
 * NAS-Bench-201.
 */
const SIZE_OPTIONS = [
  {
    key: 'channels',
    flag: '--channels <n>',
    help: 'channels of the first cells',
    usual: { darts: 36, nb201: 16 },
    most: 1e6
  },
  {
    key: 'layers',
    flag: '--layers <n>',
    help: 'cells, or cells of each stage',
    usual: { darts: 20, nb201: 5 },
    most: 1e3
  },
  {
    key: 'classes',
    flag: '--classes <n>',
    help: 'classes of the data set',
    usual: { darts: 10, nb201: 10 },
    most: 1e6
  },
  {
    key: 'size',
    flag: '--size <n>',
    help: 'height and width of the images',
    usual: { darts: 32, nb201: 32 },
    most: 1e5
  },
  {
    key: 'imageChannels',
    flag: '--image-channels <n>',
    help: 'their channels',
    usual: { darts: 3, nb201: 3 },
    most: 1e4
  }
] as const

const run = (given: string, options: Readonly<Record<string, string | boolean | undefined>>): number => {
  const space = typeof options['space'] === 'string' ? readSpace(options['space']) : ownSpace(given)
  const genotype = readGenotype(given, space)
  const family = space && (space.skeleton.kind === 'stages' ? 'nb201' : 'darts')
  if (family !== undefined && family !== genotype.family)
    refuse(`a genotype of --space ${options['space']}`, 'one of the other family', 'give the space it is of')
  const { channels, layers, classes, size, imageChannels } = Object.fromEntries(
    SIZE_OPTIONS.map(option => [
      option.key,
      orRefuse(
        parseOption({ ...option, least: 1, whole: true }, options[option.key] ?? String(option.usual[genotype.family]))
      )
    ])
  ) as Readonly<Record<(typeof SIZE_OPTIONS)[number]['key'], number>>
  const net = orShapeRefusal(() =>
    derivedNetwork(genotype, { channels, layers, classes, imageChannels, size: [size, size] }, space)
  )
  const counted = orShapeRefusal(() => sizeOfNetwork(net))
  say(
    options['json']
      ? JSON.stringify({ genotype: formatGenotype(genotype), ...net.config, ...counted })
      : sizeText(net, counted)
  )
  return DONE
}

export const countCommand: Subcommand = (root, finish) => {
  const command = root
    .command('count')
    .description(
      'counts the parameters of the network of a genotype, and its multiply-adds for an image (convolutions and ' +
        'linear layers)'
    )
    .argument('<genotype>', 'its text, the name of a published one, a file that holds it, or the folder of a run')
  for (const { flag, help, usual } of SIZE_OPTIONS) {
    const values =
      usual.darts === usual.nb201 ? `${usual.darts}` : `${usual.darts} for DARTS, ${usual.nb201} for NAS-Bench-201`
    command.addOption(new CommandOption(flag, `${help} (default: ${values})`))
  }
  command
    .option('--space <name>', 'the space of the genotype, where it is one of your own: a JSON file')
    .option('--json', 'as JSON')
    .action((genotype, given) => finish(Promise.resolve(run(genotype, given))))
  withManual(command, {
    examples: [
      ['lambda-darts count lambdadarts_corr_0', 'the network of a published cell, at its published size'],
      [
        'lambda-darts count runs/first --channels 16 --layers 5 --classes 100',
        'of a cell that was found, at another size'
      ]
    ]
  })
}
