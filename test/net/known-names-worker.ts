import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { parentPort } from 'node:worker_threads'

// Tells what a thread knows of a name. Its resolver answers `.here.test` only, and leaves questions for `.hangs.test` open.
const ours = (name: string, _: object, done: (error: Error | null, found: dns.LookupAddress[]) => void) => {
  if (name.endsWith('.here.test')) setImmediate(done, null, [{ address: '10.0.0.3', family: 4 }])
  else if (!name.endsWith('.hangs.test'))
    setImmediate(done, Object.assign(new Error('no'), { code: 'EAI_AGAIN' }), [])
}
Object.assign(dns, { lookup: ours })
syncBuiltinESMExports()
const { threadLookup } = await import('../../src/net/dial/lookup.ts')
const lookup = threadLookup()
parentPort!.on('message', (name: string) =>
  lookup(name, { all: true }, (error, found) => parentPort!.postMessage(error?.code ?? found))
)
parentPort!.postMessage('ready')
