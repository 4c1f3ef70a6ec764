/** What the page and its worker say to each other. */

/** Where `openGpu` leads: to the adapter of the device, or, where there is none and the reader says so, the reference. */
export type Backend = 'gpu' | 'reference'

export type Request =
  /** Run these blocks of a chapter, in order; those that ran last and are the same are not run again. */
  | { readonly kind: 'run'; readonly chapter: string; readonly blocks: readonly string[]; readonly backend: Backend }
  /** Hold this text to the test of the chapter's exercise. */
  | { readonly kind: 'check'; readonly chapter: string; readonly text: string; readonly backend: Backend }

/** Something to show beneath a block, and the line of the block that it comes from, where that is known. */
export type Shown =
  | {
      readonly kind: 'value'
      readonly line: number
      /** The code that has the value. */
      readonly code: string
      readonly text: string
      /** What the comment behind it says, and whether that is so. */
      readonly said?: { readonly text: string; readonly holds: boolean }
    }
  | { readonly kind: 'picture'; readonly line: number; readonly svg: string }
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'check'; readonly name: string; readonly failure: string | null }
  | { readonly kind: 'error'; readonly line: number | null; readonly name: string; readonly message: string }

export type Told =
  | { readonly kind: 'began'; readonly block: number }
  | { readonly kind: 'shown'; readonly block: number; readonly shown: Shown }
  | { readonly kind: 'ended'; readonly block: number; readonly milliseconds: number }
  /** A block opened a backend. */
  | { readonly kind: 'opened'; readonly name: string }
  /** All that was asked for is done, or something failed. */
  | { readonly kind: 'done'; readonly failed: boolean }
