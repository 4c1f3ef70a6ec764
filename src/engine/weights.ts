/** Trees of arrays as files: safetensors, whose names are the paths of the leaves, as `cells.3.edge.1`. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { show } from '../autodiff/shape.js'
import { leavesOf, rebuild } from '../autodiff/tree.js'
import { type DecodeError, malformed, quoted } from '../formats/error.js'
import { decodeSafetensors, encodeSafetensors, type FileTensor } from '../formats/safetensors.js'
import { type HostArray, isAval, isHostArray } from './values.js'

/** Arrays by the paths of the leaves that they are. */
export type NamedArrays = ReadonlyMap<string, FileTensor>

/** A tree of arrays. */
export type HostTree = HostArray | readonly HostTree[] | { readonly [key: string]: HostTree }

/** Arrays in the place of the leaves of a tree that say dtype and shape. */
export type ArraysLike<T> = T extends { readonly dtype: unknown; readonly shape: unknown }
  ? HostArray
  : { readonly [K in keyof T]: ArraysLike<T[K]> }

/** The arrays of a tree by their paths. */
export const namedArrays = (tree: unknown): NamedArrays =>
  new Map(leavesOf(tree, isHostArray).map(({ path, value: { shape, data } }) => [path, { shape, data }]))

/** The array of a tensor, whose kind of numbers is its dtype; undefined for bytes, which no tensor has. */
const hostArray = ({ shape, data }: FileTensor): HostArray | undefined => {
  if (data instanceof Uint8Array) return undefined
  return { shape, dtype: data instanceof Int32Array ? 'i32' : data instanceof Uint32Array ? 'u32' : 'f32', data }
}

/**
 * The tree of named arrays, like a tree whose leaves say dtype and shape. Left, in the name of `what`, for an array
 * that is missing, that is of another dtype or shape, or that has no place in the tree.
 */
export const arraysLike = <T>(what: string, like: T, named: NamedArrays): E.Either<DecodeError, ArraysLike<T>> => {
  const wanted = leavesOf(like, isAval)
  const stranger = [...named.keys()].find(name => !wanted.some(({ path }) => path === name))
  if (stranger !== undefined)
    return malformed(what, 'tensors of this tree only', `there is one named ${quoted(stranger)}`)
  return pipe(
    wanted,
    E.traverseArray(({ path, value: { shape, dtype } }): E.Either<DecodeError, HostArray> => {
      const found = named.get(path)
      const array = found && hostArray(found)
      if (array && show(array) === show({ shape, dtype })) return E.right(array)
      const got = array ? `it is ${show(array)}` : found ? 'it is of bytes' : 'there is none'
      return malformed(what, `${show({ shape, dtype })} at ${quoted(path)}`, got)
    }),
    E.map(arrays => rebuild(like, isAval, arrays) as ArraysLike<T>)
  )
}

/** A branch as it is built from names. */
type Branch = Map<string, Branch | HostArray>

/** A branch whose keys are 0, 1, ... is a list. */
const treeOf = (part: Branch | HostArray): HostTree => {
  if (!(part instanceof Map)) return part
  const isList = part.size > 0 && Array.from(part.keys(), Number).every((key, i) => part.has(`${i}`) && key < part.size)
  return isList
    ? Array.from(part, (_, i) => treeOf(part.get(`${i}`) as Branch | HostArray))
    : Object.fromEntries(Array.from(part, ([key, value]) => [key, treeOf(value)]))
}

const wrong = (required: string, found: string) => malformed('safetensors', required, found)

/** The tree whose paths are the names. */
const treeFromNames = (named: NamedArrays): E.Either<DecodeError, HostTree> => {
  const root: Branch = new Map()
  for (const [name, tensor] of named) {
    const array = hostArray(tensor)
    if (array === undefined) return wrong(`numbers of F64, F32, I32 or U32 at ${quoted(name)}`, 'it has U8')
    const keys = name.split('.')
    const last = keys.pop() as string
    let branch = root
    for (const key of keys) {
      const next = branch.get(key) ?? new Map()
      if (!(next instanceof Map))
        return wrong(`one tensor or a branch at '${key}' of ${quoted(name)}`, 'there are both')
      branch.set(key, next)
      branch = next
    }
    if (branch.has(last)) return wrong(`one tensor or a branch at ${quoted(name)}`, 'there are both')
    branch.set(last, array)
  }
  return E.right(treeOf(root))
}

/**
 * The file of a tree of arrays (as `gpu.read` gives it), which Python's `safetensors` reads: each leaf by its path.
 * Numbers are kept to the bit: Float32Array as F32, Float64Array as F64, Int32Array as I32, Uint32Array as U32. Left
 * for a tree that is one array, since it has no name, and for two leaves of one path.
 * @example const file = saveSafetensors(await gpu.read(gpu.store({ w, b: [0, 0] })), { epoch: '20' })
 */
export const saveSafetensors = (
  tree: HostTree,
  metadata: Readonly<Record<string, string>> = {}
): E.Either<DecodeError, Uint8Array> => {
  const paths = leavesOf<HostArray>(tree, isHostArray).map(({ path }) => path)
  const twice = paths.find((path, i) => paths.indexOf(path) !== i)
  if (twice !== undefined)
    return wrong('each path once', `${quoted(twice)} is that of two arrays; take keys without dots`)
  if (paths.includes('')) return wrong('a list or record of arrays', 'it is one array; put it into a record')
  return E.right(encodeSafetensors({ metadata, tensors: namedArrays(tree) }))
}

/**
 * The tree of arrays of a file of safetensors: records of its names, cut at their dots, and lists where all keys of a
 * branch are 0, 1, ... With `like`, a tree of its dtypes and shapes (arrays, tensors, or stored ones), it is exactly
 * such a tree, in which lists may be empty and keys may have dots. Left for a damaged file, a dtype that the engine has
 * not, a tensor that is missing, of another kind or too much.
 * @example loadSafetensors(new Uint8Array(0), weights)._tag // 'Left'
 */
export const loadSafetensors: {
  (bytes: Uint8Array): E.Either<DecodeError, HostTree>
  <T>(bytes: Uint8Array, like: T): E.Either<DecodeError, ArraysLike<T>>
} = (bytes: Uint8Array, like?: unknown) =>
  pipe(
    decodeSafetensors(bytes),
    E.chain(({ tensors }) => (like === undefined ? treeFromNames(tensors) : arraysLike('safetensors', like, tensors)))
  ) as E.Either<DecodeError, never>
