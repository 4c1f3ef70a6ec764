/** Pixels as the numbers that a network is given. A loop, since each batch of a search passes through it. */

/**
 * Where a pixel comes from, if not from its image: from the zeros around it, or from a square that is cut out of it.
 */
export const PADDING = -1
export const CUT = -2

/** Mean and deviation of each channel. */
export interface Scale {
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
}

/**
 * (pixel - mean) / deviation of images, each channel by channel with `area` pixels, rounded to float32. `from`, for
 * each image: the place in its channel that each pixel is taken from; padding is 0 before this, a cut 0 after.
 */
export const scalePixels = (
  images: Uint8Array | Float32Array,
  { channels, area }: { readonly channels: number; readonly area: number },
  { mean, deviation }: Scale,
  from?: readonly Int32Array[]
): Float32Array => {
  const result = new Float32Array(images.length)
  for (let start = 0, plane = 0; start < images.length; start += area, plane++) {
    const [centre, width] = [mean[plane % channels] as number, deviation[plane % channels] as number]
    const sources = from?.[Math.floor(plane / channels)]
    for (let k = 0; k < area; k++) {
      const source = sources ? (sources[k] as number) : k
      const pixel = source >= 0 ? (images[start + source] as number) : 0
      result[start + k] = source === CUT ? 0 : (pixel - centre) / width
    }
  }
  return result
}
