import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

interface Reply {
  readonly id?: number
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: object }
  readonly error?: { readonly message: string }
}

/** A page of a headless Chromium, told what to do over its debugging protocol. */
export class Page {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #id = 0

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const reply = JSON.parse(String(data)) as Reply
      if (reply.id !== undefined) this.#waiting.get(reply.id)?.(reply)
    })
  }

  async tell(method: string, params: object = {}): Promise<Reply> {
    const id = ++this.#id
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    const said = await reply
    if (said.error !== undefined) throw new Error(`${method}: ${said.error.message}`)
    return said
  }

  /** The value of a promise in the page. */
  async value(expression: string): Promise<unknown> {
    const { result } = await this.tell('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true
    })
    if (result?.exceptionDetails !== undefined) throw new Error(JSON.stringify(result))
    return result?.result?.value
  }
}

/** Starts Chromium, which trusts every certificate, with one page at `url`. */
export async function openPage(t: Test, program: string, url: string): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), 'lb-chromium-'))
  const child = spawn(
    program,
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--ignore-certificate-errors',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank'
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] }
  )
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  })
  const port = await new Promise<string>((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (part) => {
      said += String(part)
      const found = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(said)
      if (found !== null) resolve(found[1]!)
    })
    child.once('exit', () => reject(new Error(said)))
  })
  for (;;) {
    const pages = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as readonly {
      readonly type: string
      readonly webSocketDebuggerUrl: string
    }[]
    const page = pages.find((each) => each.type === 'page')
    if (page !== undefined) {
      const socket = new WebSocket(page.webSocketDebuggerUrl)
      await once(socket, 'open')
      const opened = new Page(socket)
      await opened.tell('Page.navigate', { url })
      while (
        (await opened.value('location.origin + document.readyState')) !== `${new URL(url).origin}complete`
      )
        await new Promise((resolve) => setTimeout(resolve, 50))
      return opened
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
