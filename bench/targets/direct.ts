import type { Target } from './target.ts'

/** No proxy at all: the load goes straight to the origin. The floor that every other figure stands on. */
export const direct: Target = {
  name: 'direct',
  find: () => ({ version: 'no proxy' }),
  refuses: () => undefined,
  spec: () => {
    throw new Error('direct is not a process')
  }
}
