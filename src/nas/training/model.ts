/**
 * A trained network as a file: weights by the paths of the official modules, running statistics as `NORM.running_mean`
 * and `.running_var`, and as metadata all that it takes to classify an image with them.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts/lib/index.js'
import { sizeOf } from '../../autodiff/shape.js'
import type { HostArray } from '../../engine/index.js'
import { concatenate } from '../../formats/array.js'
import { type DecodeError, decodeError, malformed } from '../../formats/error.js'
import { decodeSafetensors, encodeSafetensors, type FileTensor, type Safetensors } from '../../formats/safetensors.js'
import type { Dataset, Normalisation } from '../data/dataset.js'
import { type DerivedNetwork, derivedNetwork } from '../genotypes/derive.js'
import { formatGenotype, type Genotype, parseGenotype } from '../genotypes/genotype.js'
import { tablesOf } from '../method/bilevel.js'
import type { LayerNeeds, TensorTable } from '../space/layers.js'
import type { Space } from '../space/space.js'
import { parseSpace } from '../space/spacefile.js'
import type { TrainedArrays } from './events.js'

/** What a network is told of the images that it classifies. */
export interface ImageSense {
  readonly classNames: readonly string[]
  readonly normalisation: Normalisation
  /**
   * The number of the data set that is full brightness: 255 of bytes; null where it is not known, as images may have
   * any numbers.
   */
  readonly brightest: number | null
}

/** A trained network with all that predicting needs. */
export interface TrainedModel extends ImageSense {
  readonly net: DerivedNetwork
  /** The user's own space that the genotype is of, if it is of one. */
  readonly space?: Space
  readonly arrays: TrainedArrays
}

const FORMAT = 'lambda-darts model 1'

/** What is full brightness in a data set: 255 of bytes, the largest number of others if none is below 0. */
export const brightestOf = ({ images }: Pick<Dataset, 'images'>): number | null => {
  if (images instanceof Uint8Array) return 255
  const most = images.reduce((found, value) => Math.max(found, value), 0)
  return most === 0 || images.some(value => value < 0) ? null : most
}

const tablesIn = (
  net: Pick<LayerNeeds, 'parameters' | 'norms'>
): readonly (readonly [keyof TrainedArrays, TensorTable])[] => {
  const { weights, statistics } = tablesOf(net)
  return [
    ['weights', weights],
    ['running', statistics]
  ]
}

/** The file of a trained network. */
export const encodeModel = ({ net, space, arrays, classNames, normalisation, brightest }: TrainedModel): Uint8Array =>
  encodeSafetensors({
    tensors: new Map(
      tablesIn(net).flatMap(([part, { entries }]) => {
        const vector = Float32Array.from(arrays[part].data)
        return entries.map(({ name, shape, offset }): [string, FileTensor] => [
          name,
          { shape, data: vector.slice(offset, offset + sizeOf(shape)) }
        ])
      })
    ),
    metadata: {
      format: FORMAT,
      genotype: formatGenotype(net.genotype),
      network: JSON.stringify(net.config),
      classNames: JSON.stringify(classNames),
      normalisation: JSON.stringify(normalisation),
      brightest: JSON.stringify(brightest),
      ...(space ? { space: JSON.stringify(space) } : {})
    }
  })

const wrong = (required: string, found: string) => malformed('model', required, found)

const between = (least: number, most: number) =>
  t.refinement(t.number, value => Number.isInteger(value) && value >= least && value <= most, `${least} to ${most}`)

/** What `NetworkConfig` is, within bounds that no use comes near. */
const Network = t.intersection([
  t.type({
    channels: between(1, 1e6),
    layers: between(1, 1000),
    imageChannels: between(1, 1e4),
    size: t.tuple([between(1, 1e5), between(1, 1e5)]),
    classes: between(1, 1e6)
  }),
  t.partial({ activation: t.keyof({ relu: null, softplus: null, gelu: null }), auxiliary: t.boolean })
])
const Numbers = t.readonlyArray(t.number)
const Sense = t.type({
  network: Network,
  classNames: t.readonlyArray(t.string),
  normalisation: t.type({ mean: Numbers, deviation: Numbers }),
  brightest: t.union([t.null, t.number])
})
type Sense = t.TypeOf<typeof Sense>

/** The JSON values of metadata, checked. */
const parseSense = (metadata: Safetensors['metadata']): E.Either<DecodeError, Sense> =>
  pipe(
    E.tryCatch(
      () =>
        Object.fromEntries(
          Object.keys(Sense.props).map(name => [name, JSON.parse(metadata[name] ?? '') as unknown] as const)
        ),
      () => decodeError('model: JSON that describes the network and its images is required, but it is broken')
    ),
    E.chain(value => {
      const decoded = Sense.decode(value)
      return E.isRight(decoded)
        ? E.right(decoded.right)
        : wrong('a description of the network and its images', `'${decoded.left[0]?.context[1]?.key ?? ''}' is none`)
    }),
    E.filterOrElse(
      ({ network, classNames, normalisation: { mean, deviation }, brightest }) =>
        classNames.length === network.classes &&
        mean.length === network.imageChannels &&
        deviation.length === network.imageChannels &&
        deviation.every(value => value > 0) &&
        (brightest === null || brightest > 0),
      () =>
        decodeError(
          'model: a name for each class and a normalisation for each channel are required, but they differ in number'
        )
    )
  )

const parseNetwork = (
  { genotype = '', space: spaceText }: Safetensors['metadata'],
  { network }: Sense
): E.Either<DecodeError, Pick<TrainedModel, 'net' | 'space'>> =>
  pipe(
    spaceText === undefined ? E.right(undefined) : parseSpace(spaceText),
    E.bindTo('space'),
    E.bind('genotype', ({ space }) => parseGenotype(genotype, space)),
    E.mapLeft(({ message }) => decodeError(`model: ${message}`)),
    E.chain(given => networkFrom(given, network))
  )

const networkFrom = (
  { genotype, space }: { readonly genotype: Genotype; readonly space: Space | undefined },
  { activation, auxiliary, ...network }: Sense['network']
): E.Either<DecodeError, Pick<TrainedModel, 'net' | 'space'>> =>
  E.tryCatch(
    () => ({
      net: derivedNetwork(
        genotype,
        { ...network, ...(activation ? { activation } : {}), ...(auxiliary === undefined ? {} : { auxiliary }) },
        space
      ),
      ...(space ? { space } : {})
    }),
    reason => decodeError(`model: ${reason instanceof Error ? reason.message : 'a network is required'}`)
  )

/** A tensor of a file that must have a shape, in float32. */
const numbersOf = (
  tensors: Safetensors['tensors'],
  { name, shape }: TensorTable['entries'][number]
): E.Either<DecodeError, Float32Array> => {
  const found = tensors.get(name)
  return found && found.shape.join() === shape.join() && found.data instanceof Float32Array
    ? E.right(found.data)
    : wrong(`f32[${shape}] at '${name}'`, found ? `it has [${found.shape.join().slice(0, 80)}]` : 'it has none')
}

const vectorOf = (tensors: Safetensors['tensors'], { entries, size }: TensorTable): E.Either<DecodeError, HostArray> =>
  pipe(
    entries,
    E.traverseArray(entry => numbersOf(tensors, entry)),
    E.map(parts => ({ shape: [size], dtype: 'f32', data: concatenate(parts) }))
  )

/**
 * A trained network from its file. Left for what is none: another format, a network that cannot be, a tensor missing,
 * of another shape, or too many.
 */
export const decodeModel = (bytes: Uint8Array): E.Either<DecodeError, TrainedModel> =>
  pipe(
    decodeSafetensors(bytes),
    E.filterOrElse(
      ({ metadata }) => metadata['format'] === FORMAT,
      () => decodeError(`model: the format '${FORMAT}' is required, but it is another file`)
    ),
    E.bindTo('file'),
    E.bind('sense', ({ file }) => parseSense(file.metadata)),
    E.bind('made', ({ file, sense }) => parseNetwork(file.metadata, sense)),
    E.chain(({ file: { tensors }, sense: { network: _, ...sense }, made }) => {
      const { weights, statistics: running } = tablesOf(made.net)
      const stranger = [...tensors.keys()].find(
        name => ![weights, running].some(({ entries }) => entries.some(entry => entry.name === name))
      )
      if (stranger !== undefined) return wrong('tensors of its network', `it has '${stranger.slice(0, 80)}'`)
      return pipe(
        vectorOf(tensors, weights),
        E.bindTo('weights'),
        E.bind('running', () => vectorOf(tensors, running)),
        E.map(arrays => ({ ...made, ...sense, arrays }))
      )
    })
  )
