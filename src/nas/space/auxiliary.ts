/**
 * The auxiliary head of DARTS: a second classifier beside the network, whose loss reaches its first cells by a shorter
 * way. In training only.
 */
import { globalAvgPool } from '../../autodiff/nn.js'
import * as $ from '../../autodiff/ops/index.js'
import { activation, chain, conv, fullyConnected, type Layer, norm, simple } from './layers.js'

/** As published for images of 8x8: pooling 5x5 at stride 3 leaves 2x2, of which a 2x2 convolution leaves one pixel. */
const [POOL, STRIDE, KERNEL] = [5, 3, 2]
const [NARROW, WIDE] = [128, 768]

/**
 * Activation, average pool 5x5 at stride 3, 1x1 convolution to 128, batch norm, activation, 2x2 convolution to 768,
 * batch norm, activation, linear; paths are those of the official module. For images other than 8x8 both windows are
 * cut down to what there is, and the mean is taken over the pixels that remain before the linear layer (of one pixel,
 * as published, it is that pixel).
 */
export const auxiliaryHead = (channels: number, size: readonly [number, number], classes: number): Layer => {
  const pool = Math.min(POOL, ...size)
  const pooled = size.map(extent => Math.floor((extent - pool) / STRIDE) + 1)
  const kernel = pooled.map(extent => Math.min(KERNEL, extent)) as [number, number]
  const name = 'auxiliary_head'
  return chain(
    activation,
    simple(x => $.avgPool2d(x, { kernel: pool, stride: STRIDE })),
    conv(`${name}.features.2`, channels, NARROW, 1),
    norm(`${name}.features.3`, NARROW, true),
    activation,
    conv(`${name}.features.5`, NARROW, WIDE, kernel, { padding: 0 }),
    norm(`${name}.features.6`, WIDE, true),
    activation,
    simple(globalAvgPool),
    fullyConnected(`${name}.classifier`, WIDE, classes)
  )
}
