/** Who wants to know that a removal has been applied. As text, `instance.thread.number`. */
export interface Ask {
  readonly instance: string
  readonly thread: number
  readonly number: number
}

export function askText({ instance, thread, number }: Ask): string {
  return `${instance}.${thread}.${number}`
}

/** Undefined: nobody asks, or it cannot be read. */
export function readAsk(text: unknown): Ask | undefined {
  const match = typeof text === 'string' ? /^([\w-]{1,64})\.(\d{1,4})\.(\d{1,15})$/.exec(text) : null
  return match === null
    ? undefined
    : { instance: match[1]!, thread: Number(match[2]), number: Number(match[3]) }
}

/** What an instance answers: `number instance`. */
export function confirmation(number: number, instance: string): string {
  return `${number} ${instance}`
}

export function readConfirmation(message: string): { number: number; instance: string } | undefined {
  const match = /^(\d{1,15}) ([\w-]{1,64})$/.exec(message)
  return match === null ? undefined : { number: Number(match[1]), instance: match[2]! }
}
