/** Images of files as the numbers of a network. */
import sharp from 'sharp'
import { refuse } from './refusal.js'

/** What an image is brought to. */
export interface ImageShape {
  readonly channels: number
  readonly height: number
  readonly width: number
}

/**
 * The bytes of an image, channel by channel, row by row: grey or red, green, blue, 0 to 255; turned as its camera says, on black where it is transparent, scaled
 * so that it covers the size, and cut to its middle. Refused: a file that is no image.
 */
export const decodeImage = async (path: string, { channels, height, width }: ImageShape): Promise<Uint8Array> => {
  if (channels !== 1 && channels !== 3)
    return refuse('a network of images with 1 or 3 channels', String(channels), 'use one that was trained on such')
  try {
    const { data } = await sharp(path)
      .rotate()
      .flatten()
      .resize({ width, height, fit: 'cover' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })
    const area = height * width
    return Uint8Array.from({ length: channels * area }, (_, k) => data[(k % area) * channels + Math.floor(k / area)] as number)
  } catch (reason) {
    const got = reason instanceof Error ? reason.message.replaceAll(/\p{Cc}/gu, ' ').slice(0, 120) : String(reason)
    return refuse(`'${path}' to be an image`, `'${got}'`, 'correct the path, or convert it to PNG or JPEG')
  }
}
