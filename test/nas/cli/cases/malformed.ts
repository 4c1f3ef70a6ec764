/** An export that looks like a case and is none. */
export const mine = { f: 3, args: [] }
