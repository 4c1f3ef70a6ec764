/** `lambda-darts predict` */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseOption } from '../configuration/options.js'
import { sizeOfNetwork } from '../genotypes/derive.js'
import { decodeModel, type TrainedModel } from '../training/model.js'
import { partOfBytes, predict } from '../training/predict.js'
import { predictionText } from '../training/report.js'
import { checkBackend, type GivenBackend, openBackend, withBackend } from './backend.js'
import { readBytes } from './files.js'
import { decodeImage } from './images.js'
import { say } from './outputs.js'
import { DONE, FAILED, orRefuse, refuse } from './refusal.js'
import { type Subcommand, withManual } from './subcommand.js'

interface GivenPrediction extends GivenBackend {
  readonly weights: string
  readonly top: string
}

const TOP = { flag: '--top <n>', help: 'how many classes are told of an image', least: 1, whole: true } as const
const WEIGHTS = { flag: '--weights <which>', help: 'best or last', choices: ['best', 'last'] } as const

/** A network of some hundred million weights. */
const MOST_MODEL_BYTES = 2 ** 31 - 1

const readModel = (run: string, weights: string): TrainedModel => {
  const path = join(run, `${weights}.safetensors`)
  if (!existsSync(path))
    return refuse(
      'the folder of a training with its weights',
      `'${run}', which has no ${weights}.safetensors`,
      'name the folder that `lambda-darts train` wrote; of several seeds, that of one'
    )
  return orRefuse(decodeModel(orRefuse(readBytes('the weights', path, MOST_MODEL_BYTES))))
}

const run = async (folder: string, images: readonly string[], given: GivenPrediction): Promise<number> => {
  checkBackend(given)
  const weights = orRefuse(parseOption(WEIGHTS, given.weights)) as string
  const model = readModel(folder, weights)
  const { net, classNames, brightest } = model
  const top = orRefuse(parseOption({ ...TOP, most: classNames.length }, given.top)) as number
  if (brightest === null)
    return refuse(
      'a network whose images have a known brightness',
      `'${folder}', trained on numbers below 0`,
      'train on images of bytes'
    )
  const [height, width] = net.config.size
  const decoded: Uint8Array[] = []
  for (const path of images)
    decoded.push(await decodeImage(path, { channels: net.config.imageChannels, height, width }))
  const backend = await openBackend(given, async () => ({ flops: 2 * sizeOfNetwork(net).multiplyAdds * images.length }))
  const found = orRefuse(
    await predict(model, partOfBytes({ ...model, brightest }, decoded), top)({ backend })(),
    FAILED
  )
  const predictions = images.map((image, i) => ({ image, classes: found[i] ?? [] }))
  if (given['json']) say(JSON.stringify({ weights, predictions }))
  else for (const { image, classes } of predictions) say(predictionText(image, classes))
  return DONE
}

export const predictCommand: Subcommand = (root, finish) => {
  const command = withBackend(
    root
      .command('predict')
      .description('the likeliest classes of images, by a network that `lambda-darts train` has trained')
      .argument('<run>', 'the folder of the training')
      .argument(
        '<images...>',
        'files: PNG, JPEG and others; scaled to cover the size of the network and cut to their middle'
      )
      .option(TOP.flag, TOP.help, '1')
      .option(WEIGHTS.flag, WEIGHTS.help, 'last')
  )
    .option('--json', 'as JSON')
    .action((folder, images, given) => finish(run(folder, images, given)))
  withManual(command, {
    examples: [
      ['lambda-darts predict runs/second image.png', 'the class that is likeliest'],
      ['lambda-darts predict runs/second *.png --top 3 --json', 'three classes of each, for a program']
    ],
    fails: 'what the engine or the device refuses'
  })
}
