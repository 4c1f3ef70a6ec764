/** `lambda-darts data inspect` */
import { existsSync } from 'node:fs'
import sharp from 'sharp'
import { quoted } from '../../formats/error.js'
import { DATA_OPTIONS, PRESETS, parseOption } from '../configuration/options.js'
import type { Dataset } from '../data/dataset.js'
import { inspectionOf, inspectionText } from '../data/inspect.js'
import { sheetOf } from '../data/sheet.js'
import { FOLDER, readDataSet } from './dataset.js'
import { reasonOf, writeWhole } from './files.js'
import { complain, say } from './outputs.js'
import { DONE, FAILED, orRefuse, Refusal, refuse } from './refusal.js'
import { type Subcommand, withManual } from './subcommand.js'

interface Given {
  readonly data: string
  readonly root?: string
  readonly imageSize?: string
  readonly sheet?: string
  readonly json?: boolean
}

/** The options of a search that say where its data come from. */
const { data: DATA, root: ROOT, imageSize: SIZE } = DATA_OPTIONS

/** Writes the sheet, and gives what there is to say of it. */
const writeSheet = async (path: string, dataset: Dataset): Promise<string> => {
  const { pixels, channels, height, width, rows } = sheetOf(dataset)
  const picture = await sharp(pixels, { raw: { width, height, channels } }).png().toBuffer()
  // Between the first look and now the reading of the data went by.
  checkSheet(path)
  try {
    writeWhole(path, new Uint8Array(picture))
  } catch (reason) {
    throw new Refusal(
      FAILED,
      `Wanted the sheet to be written, but got ${quoted(path)} (${reasonOf(reason)}): name another place.`
    )
  }
  const all = dataset.classNames.length
  return (
    `Written to ${path}: up to 10 images of ${rows < all ? `the first ${rows} of ${all} classes` : 'each class'}, a ` +
    'class a row'
  )
}

const checkSheet = (path: string): void => {
  if (!path.toLowerCase().endsWith('.png'))
    refuse('--sheet to be a file that ends with .png', quoted(path), 'name it so')
  if (existsSync(path)) refuse('--sheet to be a new file', `${quoted(path)}, which is there`, 'name another')
}

const run = async ({ data, root, imageSize, sheet, json }: Given): Promise<number> => {
  if (imageSize !== undefined && data !== FOLDER)
    refuse(
      `--image-size with --data ${FOLDER}`,
      `--data ${quoted(data)}, whose images have a size`,
      'leave one of them out'
    )
  const size = orRefuse(parseOption(SIZE, imageSize ?? String(PRESETS.digits.imageSize))) as number
  if (sheet !== undefined) checkSheet(sheet)
  const { sources, digest } = await readDataSet(data, root, size)
  const inspection = inspectionOf(sources)
  if (json) say(JSON.stringify({ ...inspection, digest, ...(sheet === undefined ? {} : { sheet }) }))
  else say([inspectionText(inspection), `Digest: ${digest}`].join('\n'))
  if (sheet !== undefined) (json ? complain : say)(await writeSheet(sheet, sources.train))
  return DONE
}

export const dataCommand: Subcommand = (root, finish) => {
  const command = root
    .command('data')
    .description('looks at a data set before it is searched on')
    .command('inspect')
    .description(
      'counts classes, measures channels, finds images that occur twice or in both parts, and draws a sheet of ' +
        'images. Images of a folder lie in one folder a class, or in train and test with one a class in each; PNG, ' +
        'JPEG or WebP of any size, what is transparent on white, scaled until they cover a square and cut at its ' +
        'sides; all of one channel if all are grey'
    )
    .option(DATA.flag, DATA.help, PRESETS.digits.data)
    .option(ROOT.flag, ROOT.help)
    .option(SIZE.flag, `${SIZE.help} (default: ${PRESETS.digits.imageSize})`)
    .option('--sheet <file>', 'a new PNG: up to 10 training images of each class, a class a row')
    .option('--json', 'as JSON, with every class and every contradiction')
    .action(given => finish(run(given)))
  withManual(command, {
    examples: [
      ['lambda-darts data inspect --data folder --root mine --sheet mine.png', 'your own images, drawn on a sheet'],
      ['lambda-darts data inspect --data cifar10 --root cifar-10-python.tar.gz', 'the official files, as they are']
    ],
    writes: 'the PNG of --sheet'
  })
}
