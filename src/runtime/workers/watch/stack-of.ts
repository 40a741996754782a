import { Session } from 'node:inspector'

/** Frames to report: the loop that blocks a thread is in the first few. */
const MOST_FRAMES = 12

interface Paused {
  readonly callFrames: readonly {
    readonly functionName: string
    readonly location: { readonly scriptId: string; readonly lineNumber: number }
  }[]
}

type DebuggerEvent =
  | { readonly method: 'Debugger.paused'; readonly params: Paused }
  | {
      readonly method: 'Debugger.scriptParsed'
      readonly params: { readonly scriptId: string; readonly url: string }
    }

/**
 * The current stack of a thread, one frame per line, even within an endless loop: an inspector session of this process
 * with itself pauses the thread, reads its stack and resumes it. Undefined when the thread does not answer because it
 * waits in the kernel. No port is opened.
 */
export function stackOf(threadId: number, withinMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const session = new Session()
    let own = ''
    const scripts = new Map<string, string>()
    const say = (method: string): void => {
      const message = JSON.stringify({ id: 1, method })
      session.post('NodeWorker.sendMessageToWorker', { sessionId: own, message }, () => {})
    }
    const done = (stack: string | undefined): void => {
      clearTimeout(timer)
      if (own !== '') {
        // A thread that is still paused could not even be terminated.
        say('Debugger.resume')
        say('Debugger.disable')
        session.post('NodeWorker.detach', { sessionId: own }, () => {})
      }
      session.disconnect()
      resolve(stack)
    }
    const timer = setTimeout(() => done(undefined), withinMs)
    session.on('NodeWorker.attachedToWorker', ({ params }) => {
      // workerId numbers the inspector's sessions; the thread's own number is in the title.
      if (!params.workerInfo.title.startsWith(`[worker ${threadId}]`)) return
      own = params.sessionId
      say('Debugger.enable')
      say('Debugger.pause')
    })
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      if (params.sessionId !== own) return
      const event = JSON.parse(params.message) as DebuggerEvent
      if (event.method === 'Debugger.scriptParsed') scripts.set(event.params.scriptId, event.params.url)
      else if (event.method === 'Debugger.paused') done(describe(event.params, scripts))
    })
    try {
      session.connect()
      session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, () => {})
    } catch {
      clearTimeout(timer)
      resolve(undefined)
    }
  })
}

function describe({ callFrames }: Paused, scripts: ReadonlyMap<string, string>): string {
  const lines = callFrames.slice(0, MOST_FRAMES).map(({ functionName, location }) => {
    return `    at ${functionName === '' ? '<anonymous>' : functionName} (${scripts.get(location.scriptId) ?? ''}:${location.lineNumber + 1})`
  })
  return lines.join('\n')
}
