import type { Test } from 'tap'
import { answering, get, labOf, OK, rawBackend, type Lab } from '../../engine/lab.ts'

/** A lab whose one route is guarded, and what its backend got. */
export interface AuthLab {
  readonly lab: Lab
  /** Heads as the backend got them. */
  readonly heads: string[]
  /** Sends a GET and returns the whole answer. */
  ask(fields?: string, path?: string): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly text: string
  /** As the backend got it; undefined where it was not asked. */
  readonly head: string | undefined
}

export async function authLab(
  t: Test,
  listener: object,
  answer: (head: string) => string = () => OK
): Promise<AuthLab> {
  const heads: string[] = []
  const backend = await rawBackend(
    answering((head) => {
      heads.push(head)
      return answer(head)
    })
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { listener })
  t.teardown(() => lab.close())
  return {
    lab,
    heads,
    async ask(fields = '', path = '/') {
      const before = heads.length
      const client = await lab.client()
      client.send(get(path, `${fields}Connection: close\r\n`))
      const text = await client.end()
      return { status: Number(text.slice(9, 12)), text, head: heads[before] }
    }
  }
}
