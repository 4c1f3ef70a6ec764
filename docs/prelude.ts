/**
 * What the examples in docstrings may use without saying where it comes from, beside the names of the package and of their own file. Examples in
 * pages import everything that they use. `test/docs` type-checks all of them and runs them.
 */
import { $, nn, openGpu, type Tensor } from 'lambda-darts'

/** f32[4,3] and f32[3,2]: a batch of rows, and a matrix that takes them. */
export const x = $.tensor([
  [0.5, -1, 2],
  [1, 0, -0.5],
  [-2, 1.5, 0.25],
  [3, -0.75, 1]
])
export const w = $.tensor([
  [0.1, -0.2],
  [0.3, 0.4],
  [-0.5, 0.6]
])

/** Another one like `x`, and the classes of its rows. */
export const v = $.mul(x, 0.5)
export const labels = $.tensor([0, 1, 1, 0], [4], 'i32')

/** Weights as a tree, a loss in them, and a function from f32[4,3] to a number. */
export const weights = { w, b: $.tensor([0, 0]) }
export const loss = (weights: { readonly w: Tensor; readonly b: Tensor }, x: Tensor, labels: Tensor): Tensor =>
  nn.crossEntropy($.add($.matmul(x, weights.w), weights.b), labels)
export const f = (x: Tensor): Tensor => $.sum($.mul(x, $.tanh(x)))

/** f32[2,16,8,8] and f32[16,16,3,3]: images of 16 channels, and filters for them. */
export const images = $.randomNormal($.key(0), [2, 16, 8, 8])
export const filters = $.randomNormal($.key(1), [16, 16, 3, 3])

/** The device of the machine. */
export const gpu = await openGpu()
