/**
 * `train` and `predict`: a plain run on the adapter, what it leaves and what it says of images; several seeds;
 * refusals, each one sentence with code 2 and nothing written.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeSafetensors } from '../../../src/formats/safetensors.js'
import { TRAINING_OPTIONS, TRAINING_PRESETS } from '../../../src/nas/training/options.js'
import { right } from '../../kernels/results.js'
import { inProcess } from '../command.js'
import { linesOf, timeless } from '../sweeps.js'
import { CELL, DARTS, digits } from '../training/tiny.js'

const folder = mkdtempSync(join(tmpdir(), 'lambda-darts-train-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const json = (...path: readonly string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))
const SMALL = ['--channels', '2', '--epochs', '1', '--batch', '128', '--quiet']

it('--help has every option, and every preset with its values', async () => {
  const { code, stdout } = await inProcess('train', '--help')
  expect(code).toBe(0)
  for (const { flag } of TRAINING_OPTIONS) expect(stdout).toContain(flag)
  const table = stdout.slice(stdout.indexOf('Presets'))
  for (const [name, preset] of Object.entries(TRAINING_PRESETS))
    for (const text of [name, ...Object.values(preset).map(String)]) expect(table).toContain(text)
})

describe('a plain run, of fewer epochs', () => {
  const out = join(folder, 'plain')
  const image = (n: number) => join(folder, `digit${n}.png`)
  const SHOWN = Array.from({ length: 20 }, (_, i) => i)
  beforeAll(async () => {
    const { code, stderr } = await inProcess('train', CELL, '--epochs', '4', '--out', out, '--quiet')
    expect([code, stderr]).toEqual([0, ''])
    for (const n of SHOWN) {
      // The digits have 16 for full brightness, images 255.
      const pixels = Buffer.from(digits.images.slice(64 * n, 64 * (n + 1)).map(value => Math.round((value / 16) * 255)))
      await sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } })
        .png()
        .toFile(image(n))
    }
  })

  it('gets at least 95 % of the test part right', () => {
    const { last, best, testImages, stopped, stepsDone, parameters, seconds } = json(out, 'summary.json')
    expect(last.top1).toBeGreaterThanOrEqual(0.95)
    expect(best.testTop1).toBeGreaterThanOrEqual(last.top1)
    expect([testImages, stopped, stepsDone]).toEqual([359, null, 4 * Math.floor(1438 / 32)])
    expect([parameters > 10_000, seconds > 0]).toEqual([true, true])
  })

  it('leaves weights by their official paths, with all that predicting takes', () => {
    expect(readdirSync(out)).toEqual(
      expect.arrayContaining([
        'best.safetensors',
        'config.json',
        'events.jsonl',
        'genotype.txt',
        'last.safetensors',
        'summary.json'
      ])
    )
    const { metadata, tensors } = right(decodeSafetensors(readFileSync(join(out, 'last.safetensors'))))
    for (const name of ['stem.0.weight', 'cells.0.layers.0.op.1.weight', 'lastact.0.running_var', 'classifier.bias'])
      expect(tensors.has(name), name).toBe(true)
    expect(metadata).toMatchObject({ genotype: CELL, brightest: '16' })
  })

  it.each(['last', 'best'])('predicts images by the %s weights', async weights => {
    const { code, stdout } = await inProcess(
      'predict',
      out,
      ...SHOWN.map(image),
      '--weights',
      weights,
      '--json',
      '--top',
      '2',
      '--backend',
      'reference'
    )
    expect(code).toBe(0)
    const { predictions } = JSON.parse(stdout)
    const hits = SHOWN.filter(n => predictions[n].classes[0].label === String(digits.labels[n]))
    expect(hits.length).toBeGreaterThanOrEqual(17)
    for (const { classes } of predictions) {
      expect(classes).toHaveLength(2)
      expect(classes[0].probability).toBeGreaterThanOrEqual(classes[1].probability)
    }
  })

  it('predicts in a line for an image', async () => {
    const { stdout } = await inProcess('predict', out, image(0), '--backend', 'reference')
    expect(stdout).toMatch(/digit0\.png {2}\d \d+\.\d %\n$/)
  })

  it.each([
    ['no weights', ['predict', folder, image(0)], 'the folder of a training with its weights'],
    ['an image that is none', ['predict', out, join(out, 'config.json')], 'to be an image'],
    ['an image that is not there', ['predict', out, join(out, 'nothing.png')], 'nothing.png'],
    ['too many classes', ['predict', out, image(0), '--top', '11'], '--top to be a whole number of 1 to 10'],
    ['other weights', ['predict', out, image(0), '--weights', 'first'], '--weights to be one of best, last']
  ])('refuses %s', async (_, args, message) => {
    const { code, stdout, stderr } = await inProcess(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})

describe('several seeds', () => {
  it('of the cell in the folder of a search are trained in turn, with their mean and deviation', async () => {
    const found = join(folder, 'found')
    mkdirSync(found)
    writeFileSync(join(found, 'genotype.txt'), `${CELL}\n`)
    writeFileSync(join(found, 'config.json'), JSON.stringify({ method: 'darts', data: 'digits', root: '' }))
    const out = join(folder, 'seeds')
    const { code, stdout } = await inProcess('train', found, ...SMALL, '--seeds', '3,1', '--out', out, '--json')
    expect(code).toBe(0)
    const summary = JSON.parse(stdout)
    expect(json(out, 'summary.json')).toEqual(summary)
    expect(summary.seeds.map(({ config }: { config: { seed: number } }) => config.seed)).toEqual([3, 1])
    const of = summary.seeds.map(({ last }: { last: { top1: number } }) => last.top1)
    expect(summary.statistics.lastTop1.mean).toBeCloseTo((of[0] + of[1]) / 2, 12)
    expect(summary.statistics.lastTop1.deviation).toBeCloseTo(Math.abs(of[0] - of[1]) / Math.SQRT2, 12)
    expect(json(out, 'seed-3', 'summary.json').last).toEqual(summary.seeds[0].last)
    const alone = join(folder, 'alone')
    await inProcess('train', CELL, ...SMALL, '--seed', '1', '--out', alone)
    expect(json(alone, 'summary.json').last).toEqual(summary.seeds[1].last)
  })
})

describe('--resume', () => {
  const FEW_DIGITS = fileURLToPath(new URL('../files/few-digits.npz', import.meta.url))
  const options =
    `--data npz --root ${FEW_DIGITS} --backend reference --channels 2 --batch 16 --epochs 6 --quiet`.split(' ')
  /** A run folder's weights and what it says, but for times. */
  const left = (out: string): unknown => ({
    files: readdirSync(out).sort(),
    weights: ['last', 'best'].map(name => readFileSync(join(out, `${name}.safetensors`)).toString('base64')),
    events: timeless(linesOf(readFileSync(join(out, 'events.jsonl'), 'utf8'))),
    summary: timeless(json(out, 'summary.json'))
  })
  /** Trains until a folder has more than the first checkpoint, then ends it as a signal does. */
  const interrupted = async (path: string, out: string, ...args: readonly string[]) => {
    const training = inProcess('train', CELL, ...options, ...args, '--out', out)
    const checkpoints = join(path, 'checkpoints')
    while (!existsSync(checkpoints) || readdirSync(checkpoints).length < 2) await sleep(20)
    process.emit('SIGTERM')
    expect((await training).code).toBe(130)
  }

  it('goes on where it was interrupted, to the same weights', async () => {
    const [whole, cut] = [join(folder, 'undisturbed'), join(folder, 'cut')]
    expect((await inProcess('train', CELL, ...options, '--out', whole)).code).toBe(0)
    await interrupted(cut, cut)
    expect(json(cut, 'summary.json').stopped).toEqual({ reason: 'interrupted' })
    const refused = await inProcess('train', '--resume', cut, '--channels', '4')
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('but got --channels 4 for 2')])
    // Where its weights cannot be written, what came of it is said all the same.
    rmSync(join(cut, 'last.safetensors'))
    mkdirSync(join(cut, 'last.safetensors'))
    const unwritten = await inProcess('train', '--resume', cut, '--quiet', '--json')
    expect([unwritten.code, JSON.parse(unwritten.stdout).stopped]).toEqual([1, null])
    rmSync(join(cut, 'last.safetensors'), { recursive: true })
    expect((await inProcess('train', '--resume', cut, '--quiet')).code).toBe(0)
    expect(left(cut)).toEqual(left(whole))
    expect((await inProcess('train', '--resume', cut)).stderr).toContain(
      'Wanted --resume to be a run that has not ended'
    )
  })

  it('goes on with several seeds: those that ended stay, the others go on or begin', async () => {
    const [whole, cut] = [join(folder, 'seeds undisturbed'), join(folder, 'seeds cut')]
    const seeds = ['--seeds', '0,1,2']
    expect((await inProcess('train', CELL, ...options, ...seeds, '--out', whole)).code).toBe(0)
    await interrupted(join(cut, 'seed-1'), cut, ...seeds)
    expect(existsSync(join(cut, 'seed-2'))).toBe(false)
    const { code, stdout } = await inProcess('train', '--resume', cut, '--quiet', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout).statistics).toEqual(json(whole, 'summary.json').statistics)
    for (const seed of [0, 1, 2]) expect(left(join(cut, `seed-${seed}`))).toEqual(left(join(whole, `seed-${seed}`)))
  })

  it.each([
    ['a genotype, or --resume', []],
    ['a genotype, or --resume', [CELL, '--resume', 'x']],
    ['--resume to be the folder of a run', ['--resume', join(folder, 'nowhere')]],
    ['--resume without others', ['--resume', 'x', '--seeds', '1']]
  ])('refused: %s', async (message, args) => {
    const { code, stderr } = await inProcess('train', ...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(`Wanted ${message}`)])
  })
})

describe('refusals', () => {
  const broken = join(folder, 'broken')
  beforeAll(() => {
    mkdirSync(broken)
    writeFileSync(join(broken, 'genotype.txt'), `${CELL}\n`)
    writeFileSync(join(broken, 'config.json'), 'no JSON')
  })
  it.each([
    ['a genotype: its text, the name of a published one, a file that holds one, or the folder of a run', ['nothing']],
    ['3 groups', ['|nor_conv_9x9~0|']],
    ['--preset to be one of small, darts, nb201', [CELL, '--preset', 'large']],
    ['--auxiliary 0 for a cell of NAS-Bench-201', [CELL, '--preset', 'darts']],
    ['--layers-per-stage for a cell of NAS-Bench-201', [CELL, '--layers', '8']],
    ['--layers for a DARTS genotype', [DARTS, '--layers-per-stage', '8']],
    ['--layers to be a whole number of 3 to 100', [DARTS, '--layers', '2']],
    ['--cutout below the side of the images, 8', [DARTS, '--preset', 'darts']],
    ['--batch of at most 1438', [CELL, '--batch', '2000']],
    ['--accumulate to divide the batch of 32', [CELL, '--accumulate', '5']],
    ['--augmentation standard or none', [CELL, '--augmentation', 'published']],
    ['--image-size with --data folder', [CELL, '--image-size', '16']],
    ['--seeds that are all different', [CELL, '--seeds', '1,1']],
    ['--seeds to be a whole number', [CELL, '--seeds', '1,x']],
    ['--seed or --seeds', [CELL, '--seeds', '1', '--seed', '2']],
    ['--data to be one of digits', [CELL, '--data', 'nothing']],
    ['a genotype of --space nb201', [DARTS, '--space', 'nb201']],
    ['--backend to be one of auto, gpu, reference', [CELL, '--backend', 'fast']],
    ['--verify with --backend gpu or auto', [CELL, '--backend', 'reference', '--verify']],
    ['--learning-rate to be a number above 0', [CELL, '--learning-rate', 'fast']],
    ['a config.json of a run', [broken]],
    ['options and commands that exist', [CELL, '--frobnicate']]
  ])('%s', async (message, args) => {
    const out = join(folder, 'refused')
    const { code, stdout, stderr } = await inProcess('train', ...args, '--out', out)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(existsSync(out)).toBe(false)
  })

  it('a loss that is not finite is code 1, and what was reached stays', async () => {
    const out = join(folder, 'wild')
    const { code, stderr } = await inProcess(
      'train',
      CELL,
      ...SMALL,
      '--learning-rate',
      '1e30',
      '--clip',
      '0',
      '--out',
      out
    )
    expect(code).toBe(1)
    expect(stderr).toContain('was the first that is not finite: lower --learning-rate')
    expect(json(out, 'summary.json').stopped.reason).toBe('non-finite')
    expect(existsSync(join(out, 'best.safetensors'))).toBe(false)
  })
})
