/** Everything that can go wrong between a program and its result, as values. Nothing in this folder throws them. */

export type KernelError =
  | { readonly _tag: 'NoAdapter'; readonly message: string; readonly available: readonly string[] }
  | { readonly _tag: 'DeviceLost'; readonly message: string; readonly reason: string }
  | { readonly _tag: 'OutOfMemory'; readonly message: string }
  | { readonly _tag: 'ShaderError'; readonly message: string; readonly file: string; readonly line: number }
  | { readonly _tag: 'InvalidProgram'; readonly message: string }
  | { readonly _tag: 'Readback'; readonly message: string }
  | { readonly _tag: 'InvalidArgument'; readonly message: string }
  | { readonly _tag: 'WrongResult'; readonly message: string }

type Of<T extends KernelError['_tag']> = Extract<KernelError, { _tag: T }>

/** Native messages have several lines, with their context as a list: as one line, without a full stop at the end. */
export const oneLine = (text: string): string =>
  text
    .split('\n')
    .map(line => line.trim().replace(/^- /, ''))
    .filter(line => line !== '')
    .join('; ')
    .replace(/\.+(?=;|$)/g, '')

/** The one form of every message: what was wanted, what was got, what to do. */
const sentence = (wanted: string, got: string, cure: string): string =>
  `Wanted ${wanted}, but ${oneLine(got)}: ${cure}.`

/** There is no adapter, or none of the wanted name. `available` lists the names of those there are. */
export const noAdapter = (
  wanted: string,
  available: readonly string[],
  got: string,
  cure: string
): Of<'NoAdapter'> => ({
  _tag: 'NoAdapter',
  message: sentence(wanted, got, cure),
  available
})

/** The device is gone, and with it everything that was stored on it. */
export const deviceLost = (reason: string, detail: string): Of<'DeviceLost'> => ({
  _tag: 'DeviceLost',
  message: sentence(
    'the device to stay',
    `it was lost (${reason}${detail && `: ${detail}`})`,
    'open a device and load the last checkpoint'
  ),
  reason
})

/** A buffer is larger than the device allows, or the device has no room for it. */
export const outOfMemory = (
  wanted: string,
  got: string,
  cure = 'lower the batch size or the channels'
): Of<'OutOfMemory'> => ({
  _tag: 'OutOfMemory',
  message: sentence(wanted, got, cure)
})

/** A shader's text is wrong; `line` counts from 1 in the file as it was written, before directives were expanded. */
export const shaderError = (
  file: string,
  line: number,
  got: string,
  cure = 'correct the shader'
): Of<'ShaderError'> => ({
  _tag: 'ShaderError',
  message: sentence(`shader ${file} to compile`, `line ${line} says: ${oneLine(got)}`, cure),
  file,
  line
})

/** A program breaks a rule of `spec.ts` or a limit of the device. */
export const invalidProgram = (wanted: string, got: string, cure: string): Of<'InvalidProgram'> => ({
  _tag: 'InvalidProgram',
  message: sentence(wanted, got, cure)
})

/** Values could not be brought back from the device. */
export const readbackFailed = (wanted: string, got: string): Of<'Readback'> => ({
  _tag: 'Readback',
  message: sentence(wanted, got, 'run again, and report it if it stays')
})

/** A kernel gave something else than it should have, in a run that was checked. */
export const wrongResult = (wanted: string, got: string, cure: string): Of<'WrongResult'> => ({
  _tag: 'WrongResult',
  message: sentence(wanted, got, cure)
})

/**
 * A caller passed something that does not fit: a buffer of the wrong size or device, or one that was given away before.
 */
export const invalidArgument = (wanted: string, got: string, cure: string): Of<'InvalidArgument'> => ({
  _tag: 'InvalidArgument',
  message: sentence(wanted, got, cure)
})
