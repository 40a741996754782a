/** One at a time, in order: `enter` resolves with a function that must be called at the end. */
export class SerialQueue {
  #last: Promise<void> = Promise.resolve()

  async enter(): Promise<() => void> {
    const before = this.#last
    let leave = () => {}
    this.#last = new Promise<void>((resolve) => (leave = resolve))
    await before
    return leave
  }
}
