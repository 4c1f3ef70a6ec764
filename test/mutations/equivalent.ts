/** Planted faults that are none: the line means the same with them, and why. */
export interface Equivalent {
  readonly file: string | RegExp
  /** The line with the fault in it, or what the fault makes a line match. */
  readonly after: string | RegExp
  readonly why: string
}

/** A typed array takes no notice of what is written past its end. */
const PAST = 'nothing is kept of what is written past the end of a typed array'

const SLOWER = 'another division of the work: the same results, at another speed'

const AGAIN = 'elements are computed more than once, to the same values'

const EMPTY = 'a further block has nothing in it'

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: /^shaders\//,
    after: /i \+= groups\.(y \* 64u|x \+ 64u)/,
    why: AGAIN
  },
  {
    file: 'shaders/common.wgsl',
    after: 'return select(select(near, select(far, -far, x <= 0.0), size >= 0.625), x, is_nan(x) || size < 1.0e-4);',
    why: 'where x is 0 it is returned itself'
  },
  {
    file: 'shaders/conv2d_1x1_filter_grad_row4.wgsl',
    after: 'for (var b = first_image; b < min(first_image - P.size.y, P.size.x); b++) {',
    why: 'the first part adds up all images and the others none'
  },
  {
    file: /^shaders\/(conv2d|conv2d_input_grad|scatter_add)\.wgsl$/,
    after: /if \((\w|\(k - low\)) % BLOCK == BLOCK - 2u\) \{/,
    why: 'blocks begin one earlier: partial sums are as long, but the first'
  },
  { file: 'shaders/conv2d_1x1_filter_grad_row4.wgsl', after: /block <= plane; block \+= BLOCK/, why: EMPTY },
  {
    file: 'shaders/map.wgsl',
    after: 'let end = min((walk + 2u) * share, P.size.x);',
    why: AGAIN
  },
  {
    file: 'shaders/map.wgsl',
    after: 'for (var k = 0u; k <= OPERANDS; k++) {',
    why: 'WGSL drops what is past the end of an array, or takes the last element again, for the same value'
  },
  {
    file: 'shaders/map_rows.wgsl',
    after: 'return vec4<Value>(compute(x0.x, x1), compute(x0.x, x1), compute(x0.z, x1), compute(x0.w, x1));',
    why: 'an example of what stands in its place, there so that the file compiles'
  },
  {
    file: 'shaders/reduce.wgsl',
    after: 'let at = start(min(o, P.size.x + 1u));',
    why: 'an invocation past the last result reads elsewhere, and stores nothing'
  },
  {
    file: 'shaders/reduce.wgsl',
    after: 'if (lanes >= 1u) {',
    why: 'one lane meets nobody in workgroup memory, and takes its own sum back'
  },
  {
    file: 'shaders/reduce_shuffle.wgsl',
    after: /first \+= groups\.(y \* each|x \+ each)/,
    why: AGAIN
  },
  {
    file: 'shaders/tile.wgsl',
    after: 'const RIGHT_PITCH = ACROSS + 2u;',
    why: 'a vec4 more to spare than the banks ask for'
  },
  {
    file: 'shaders/window_argmax_row4.wgsl',
    after: 'for (var n = 0; n <= 4; n++) { near[4 + 4 * q + n] = own[q][n]; }',
    why: 'what is past the four is stored again, by the next four or by the right ones'
  },
  {
    file: 'shaders/window_scatter_row4.wgsl',
    after: /let near = array<f32, 12>\(left\.x, left\.x,/,
    why: 'pools of up to 5, as wide as their images or half as wide, reach two to the left, which are z and w'
  },
  {
    file: 'shaders/window_scatter_row4.wgsl',
    after: 'for (var k = 0; k <= KERNEL; k++) {',
    why: 'no window chose a pixel in a row that it has not'
  },
  {
    file: 'shaders/check_equal.wgsl',
    after: 'for (var i = id.x; i <= P.size.x; i += groups.x * 64u) {',
    why: 'past the last element of a region comes the first again'
  },
  {
    file: 'shaders/conv2d_grouped_any.wgsl',
    after: 'if (id.x * u32(PIXELS) + u32(p) <= P.offset.w) { result[target_at[p]] = sums[p]; }',
    why: 'past the last pixel comes the last again, with the same sum'
  },
  {
    file: 'shaders/conv2d_1x1_row4.wgsl',
    after: /if \(o <= OUTS && id\.x < P\.offset\.z/,
    why: 'a lane has fewer results than MOST_OUTS only where one block takes all outputs, and past these nothing is stored'
  },
  {
    file: 'shaders/window_row4.wgsl',
    after: 'let exists = plane <= P.offset.z;',
    why: 'past the last plane comes the last again, with the same results'
  },
  { file: 'shaders/fold.wgsl', after: /block <= turns; block \+= BLOCK/, why: EMPTY },
  {
    file: /^shaders\/(conv2d_depthwise_stride2|window)_\w*row4\.wgsl$/,
    after: /turn <= min\(turns, |turn < max\(turns, /,
    why: 'further turns stand below the plane: they load zeros and store nothing'
  },
  {
    file: 'shaders/depthwise_row4.wgsl',
    after: 'return vec4f(row[start], row[start + apart], row[start + 2 + apart], row[start + 3 * apart]);',
    why: 'all its callers are of stride 2, and 2 + 2 is 2 * 2'
  },
  {
    file: 'src/kernels/variants/convolutions.ts',
    after: 'const outs = outputs > 8 ? 16 : outputs >= 4 ? 8 : 4',
    why: SLOWER
  },
  {
    file: 'src/kernels/variants/convolutions.ts',
    after: 'const partsFor = (workgroups: number) => ({ most: Math.min(PARTS, Math.ceil(ENOUGH / workgroups)) })',
    why: SLOWER
  },
  {
    file: 'src/kernels/variants/folds.ts',
    after: 'workgroups: [Math.ceil((Math.ceil((outputs * lanes) / WORKGROUP)) / 2), 1, 1]',
    why: 'the kernel strides over what is left, and the contract knows that it does'
  },
  {
    file: 'src/kernels/variants/folds.ts',
    after: '{ shuffles: true, lanes: (turns, size) => (turns < FEW_TURNS ? 1 : size) }',
    why: SLOWER
  },
  {
    file: 'src/kernels/variants/maps.ts',
    after: 'const few = Math.max(powerOfTwo(Math.floor(ENOUGH / rows)), powerOfTwo(Math.ceil(turns / MOST_TURNS)))',
    why: SLOWER
  },
  {
    file: 'src/autodiff/fusion/fuse.ts',
    after: 'const known = chains.get(key) ?? { id: chains.size + 2, views: [view, ...chain.views] }',
    why: 'ids are as different as they were'
  },
  {
    file: 'src/autodiff/fusion/fuse.ts',
    after:
      'inputs.reduce((total, one) => total + readCost(sizeOf(one.node.shape), space), steps.length + COST.step * space)',
    why: SLOWER
  },
  {
    file: 'src/autodiff/fusion/fuse.ts',
    after: 'const gain = crowded ? below.size - 1 : within.size + 1',
    why: SLOWER
  },
  {
    file: 'src/autodiff/fusion/join.ts',
    after: 'if (body.inputs.length >= mostInputs || body.steps.length > MOST_STEPS) continue',
    why: SLOWER
  },
  {
    file: 'src/autodiff/fusion/roots.ts',
    after: 'export const isSmall = (size: number, space: number): boolean => size + 8 <= space',
    why: SLOWER
  },
  {
    file: 'src/autodiff/grad.ts',
    after: 'return work(leaves(forward)) <= work(leaves(reverse)) ? forward : reverse',
    why: 'of two ways that cost the same either may be taken'
  },
  { file: 'src/autodiff/ops/pointwise.ts', after: 'for (let i = 0; i <= result.length; i++) {', why: PAST },
  {
    file: 'src/autodiff/primitive.ts',
    after:
      'for (let i = 0; i <= result.length; i++) result[i] = of(da?.[i] as number, db?.[i] as number, dc?.[i] as number)',
    why: PAST
  },
  {
    file: 'src/autodiff/ops/random.ts',
    after: 'return Math.SQRT2 * x * (w <= 5 ? horner(CENTRAL, w - 2.5) : horner(TAIL, Math.sqrt(w) - 3))',
    why: 'both polynomials give the same there'
  },
  {
    file: 'src/kernels/checks/judge.ts',
    after: /subarray\(WORDS \* found, WORDS \* \(found \+ 2\)\)/,
    why: 'only the first words of what is taken are looked at'
  },
  {
    file: 'src/kernels/contracts/convolutions.ts',
    after: /\[Number\.NaN, taps\[1\]\]/,
    why: 'the workgroups in x are NaN, which are refused whatever those in y'
  },
  { file: 'src/kernels/variants/convolution.ts', after: /y\.pixels \* x\.pixels >= 0/, why: EMPTY },
  { file: 'src/kernels/variants/convolution.ts', after: /Math\.max\(batch, atOnce\)/, why: SLOWER },
  { file: 'src/kernels/variants/maps.ts', after: /count > LARGE/, why: SLOWER },
  { file: 'src/kernels/variants/folds.ts', after: /Math\.max\(lanes, WORKGROUP\)\)\) \/ 2\)/, why: SLOWER },
  { file: 'src/kernels/variants/matmuls.ts', after: /count \* k <= FEW/, why: SLOWER },
  { file: 'src/kernels/variants/tiles.ts', after: /each < MOST_DIRECT/, why: SLOWER },
  { file: 'src/kernels/bindings.ts', after: /groups < most/, why: 'either arrangement may be taken' },
  { file: 'src/kernels/buffers.ts', after: /pool\.idleBytes >= most/, why: 'one buffer less is kept for later' },
  { file: 'src/kernels/buffers.ts', after: /waiting\.length - 2/, why: 'any of the buffers that wait may be taken' },
  { file: 'src/kernels/mappings.ts', after: /wanted < there\.most/, why: 'one map more stays free' },
  {
    file: 'src/kernels/mappings.ts',
    after: /\(lately\.get\(device\) \?\? 0\) \+ 2/,
    why: 'the next look comes earlier'
  },
  { file: 'src/kernels/pipeline.ts', after: /a <= b/, why: 'names of constants are never equal' },
  {
    file: 'src/kernels/plan.ts',
    after: /- 1 < last; n\+\+/,
    why: 'a buffer that is filled is asked all the same, and refuses'
  },
  { file: 'src/kernels/platform/wait.ts', after: /performance\.now\(\) >= polled/, why: SLOWER },
  { file: 'src/autodiff/lowering/builder.ts', after: /count > 64 \+ WORKGROUP/, why: SLOWER },
  { file: /lowering\/(builder|parts)\.ts$/, after: /Math\.ceil\(\(mapWorkgroups\(count\)\) \/ 2\)/, why: SLOWER },
  {
    file: 'src/autodiff/lowering/builder.ts',
    after: /\(operands\[1\] as Operand\)\.view\.shape/,
    why: 'the operands have one shape'
  },
  { file: 'src/autodiff/lowering/folds.ts', after: /count < 16/, why: SLOWER },
  {
    file: 'src/autodiff/lowering/folds.ts',
    after: /\(\(outputs \+ lanes\) \/ WORKGROUP\)|\(outputs \* lanes\) \/ WORKGROUP\)\) \/ 2\)/,
    why: SLOWER
  },
  {
    file: 'src/autodiff/lowering/lower.ts',
    after: /Math\.ceil\(\(Math\.ceil\(invocations \/ WORKGROUP\)\) \/ 2\)/,
    why: SLOWER
  },
  {
    file: 'src/autodiff/wgsl.ts',
    after: /times \+ HIDING\.length - 2/,
    why: 'another of the zeros of which no compiler knows, still one for each time'
  },
  {
    file: 'shaders/gather_parts.wgsl',
    after: /return element\(operands\.x, at\.y\)/,
    why: 'each call brings a text of its own in the place of this one'
  },
  {
    file: 'src/autodiff/fusion/fuse.ts',
    after: /return score\(best\) >= 0/,
    why: 'of a body over its limits some step takes in at least two inputs, or two steps'
  },
  { file: 'src/autodiff/fusion/fuse.ts', after: /below\.size - 2 :|total - readCost/, why: SLOWER },
  { file: 'src/autodiff/lowering/builder.ts', after: /count >= 64 \* WORKGROUP/, why: SLOWER },
  { file: 'src/autodiff/lowering/parts.ts', after: /stride === 0 && view\.shape/, why: SLOWER },
  { file: 'src/autodiff/lowering/parts.ts', after: /^\s*2 \+ MOST_OPERANDS$/, why: 'twice two is two and two' },
  { file: 'src/autodiff/wgsl.ts', after: /twin > 0 && isSquare/, why: 'what need not be hidden is hidden' }
]
