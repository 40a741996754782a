/** Lets requests run between the steps of a reload, which would delay them if done in one go. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Runs the pieces to their end, with requests in between. */
export async function inPieces<T>(pieces: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = pieces.next()
    if (step.done === true) return step.value
    await breathe()
  }
}
