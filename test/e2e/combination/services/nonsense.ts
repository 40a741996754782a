/** What plugins/nonsense.ts does with a request: after these nothing of the backend's may come. */
export const REFUSED = ['throw', 'reject', 'reject nothing', 'split', 'path', 'never', 'throw behind', 'length', 'split behind', 'async behind'] as const // prettier-ignore
/** … and these harm only the one, or nobody. */
export const LET_THROUGH = ['late', 'throw when done', 'throw in the body', 'no transform'] as const
