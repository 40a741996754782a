/** Runs one at a time; calls that come while one runs are answered together by one more, which began after them. */
export class Coalesced<T> {
  readonly #run: () => Promise<T>
  #running: Promise<T> | undefined
  #next: Promise<T> | undefined

  constructor(run: () => Promise<T>) {
    this.#run = run
  }

  call(): Promise<T> {
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#start()
    return (this.#next = this.#running
      .then(
        () => {},
        () => {}
      )
      .then(() => {
        this.#next = undefined
        return this.#start()
      }))
  }

  #start(): Promise<T> {
    const running = this.#run().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    return (this.#running = running)
  }
}
