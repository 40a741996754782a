import t from 'tap'
import { readFileSync } from 'node:fs'
import { errorKind, errors } from '../../src/core/errors.ts'
import type { ErrorCode } from '../../src/core/errors.ts'

const codes = Object.keys(errors) as ErrorCode[]

t.test(
  'docs/logging.md tells every code with status, level, proxy error and phrase, and no other',
  async (t) => {
    const page = readFileSync(new URL('../../docs/logging.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `(LB_[A-Z_]+)`(.*)\|$/gm)].map(([, code, rest]) =>
      [code, ...rest!.split('|').slice(1)]
        .map((cell) => cell!.trim().replaceAll('`', ''))
        .filter((cell) => cell !== '')
    )
    const expected = codes.map((code) => {
      const { status, level, proxyStatus, phrase } = errorKind(code)
      return [code, String(status ?? '—'), level, proxyStatus ?? '—', phrase]
    })
    t.strictSame(rows, expected)
  }
)

t.test('statuses are those of their side', async (t) => {
  for (const code of codes) {
    const { side, status, level } = errorKind(code)
    if (side === 'upstream') t.ok([502, 503, 504].includes(status!) && level === 'warn', code)
    if (side === 'downstream') t.ok(level !== 'error', `${code}: a client cannot cause an error of ours`)
  }
  t.match(errors, {
    LB_HEAD_TOO_LARGE: { status: 431 },
    LB_NO_BACKEND: { status: 503 },
    LB_CLIENT_GONE: { status: 499 }
  })
})
