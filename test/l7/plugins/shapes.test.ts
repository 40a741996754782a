/* eslint-disable @typescript-eslint/no-explicit-any -- as a plugin in JavaScript has them: no compiler looks at what it writes */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, definePlugin, start } from '../../../src/index.ts'

const config = (plugins: readonly unknown[]): any => ({
  workers: 0,
  plugins,
  listeners: { bind: '127.0.0.1:0', mode: 'l7', routes: [{ name: 'front', pool: 'web' }] },
  pools: { web: { backends: ['127.0.0.1:1'] } }
})

const plugin = (more: object): any => definePlugin({ name: 'wrong', before: 'cache', ...more } as any)

/** Where a plugin is refused, and the words. */
const refused: Record<string, readonly [object, RegExp]> = {
  'compile that throws': [
    {
      compile: () => {
        throw new Error('boom')
      }
    },
    /the plugin wrong cannot be made ready for (?:route front|listener .*): compile: boom/
  ],
  'compile that throws text': [
    {
      compile: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- as some do
        throw 'boom'
      }
    },
    /compile: boom/
  ],
  'async compile': [
    { compile: async () => Promise.reject(new Error('late')) },
    /compile: it returned a promise/
  ],
  'a number': [{ compile: () => 5 }, /compile: it returned 5; it must return hooks, or undefined/],
  'a function': [{ compile: () => () => {} }, /compile: it returned a function/],
  null: [{ compile: () => null }, /compile: it returned null/],
  'a misspelt hook': [
    { compile: () => ({ reqest() {} }) },
    /compile: there is no hook "reqest"; hooks are request, /
  ],
  'a misspelt hook beside another': [
    { compile: () => ({ request() {}, respone() {} }) },
    /no hook "respone"/
  ],
  'no hook': [{ compile: () => ({}) }, /compile: it returned an object with none of request/],
  'a hook that is none': [{ compile: () => ({ request: 5 }) }, /compile: "request" must be a function/],
  'owns of compile': [
    { compile: () => ({ owns: ['X Y'] }) },
    /compile: "owns" must be a list of field names, and "X Y" is not one/
  ],
  'a pool that there is not': [
    { compile: (own: any) => own.pool('nope') },
    /compile: there is no pool "nope"; pools: web/
  ],
  'a blank in owns': [
    { owns: ['X Y'], request() {} },
    /"owns" must be a list of field names, and "X Y" is not one/
  ],
  'a break in owns': [{ owns: ['x\r\n'], request() {} }, /"owns" must be a list of field names/],
  'a number in owns': [{ owns: [5], request() {} }, /"owns" must be a list of field names, and 5 is not one/],
  'a field of lb in owns': [{ owns: ['Content-Length'], request() {} }, /Content-Length is lb's own/],
  'both places': [{ after: 'cache', request() {} }, /both "before" and "after"/],
  'no place': [{ before: undefined, request() {} }, /it must say its place, with "before" or "after"/]
}

t.test(
  'a plugin that a route cannot have is an error of the configuration, at the start and at a reload',
  async (t) => {
    const lb = await start(config([]))
    t.teardown(() => lb.kill())
    for (const [name, [more, words]] of Object.entries(refused)) {
      const error = await start(config([plugin(more)])).then(
        (running) => running.kill().then(() => undefined),
        (error: unknown) => error
      )
      t.ok(error instanceof ConfigError, name)
      t.match((error as Error | undefined)?.message, words, name)
      const report = await lb.apply(config([plugin(more)]))
      t.match(report, { changed: false, errors: [words] }, `${name}, at a reload`)
    }
  }
)

t.test('a plugin may compile to nothing, to a class, and to names that it owns', async (t) => {
  class Hooks {
    count = 0
    request(): void {
      this.count++
    }
  }
  for (const made of [undefined, new Hooks(), { owns: ['X-Tenant'] }]) {
    const lb = await start(config([plugin({ compile: () => made })]))
    await lb.kill()
  }
  t.pass('all of them start')
})

t.test('what compile throws in a worker is an error of the configuration too', async (t) => {
  const file = join(t.testdir({}), 'wrong.mjs')
  writeFileSync(
    file,
    `export default { name: 'wrong', before: 'cache', compile() { throw new Error('boom') } }`
  )
  const error: unknown = await start({ ...config([file]), workers: 1 }).catch((error: unknown) => error)
  t.ok(error instanceof ConfigError)
  t.match((error as Error).message, /the plugin wrong cannot be made ready for .*: compile: boom/)
})
