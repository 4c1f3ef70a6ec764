/** The data sets that are known by name: a block each, in a file of its own. */
import type { DataSet } from './block.js'
import { cifar10, cifar100 } from './cifar.js'
import { imagenet16 } from './imagenet16.js'
import { fashionMnist, mnist } from './mnist.js'
import { npz } from './npz.js'
import { svhn } from './svhn.js'

export type { DataSet, Files, PublishedData } from './block.js'

/**
 * By the name that `--data` takes. The digits come with the package and have no files; a folder of images is decoded
 * where effects are.
 */
export const DATA_SETS: Readonly<Record<string, DataSet>> = {
  cifar10,
  cifar100,
  mnist,
  'fashion-mnist': fashionMnist,
  'imagenet16-120': imagenet16,
  svhn,
  npz
}
