import t from 'tap'
import { generateRequest } from './generate.ts'
import { ORACLE_IS_OLDER } from './known-differences.ts'
import { llhttp } from './llhttp.ts'
import { NodeHttpOracle } from './node-http-oracle.ts'

/** About 0.2 ms each. */
const COUNT = Number(process.env.LB_DIFFERENTIAL ?? 4000)

t.test('the oracle decides as node:http does', async (t) => {
  const oracle = new NodeHttpOracle()
  const wrong: string[] = []
  let accepted = 0
  let refused = 0
  for (let index = 0; index < COUNT; index++) {
    const bytes = generateRequest(index)
    if (ORACLE_IS_OLDER.test(bytes.toString('latin1'))) continue
    const theirs = await oracle.verdict(bytes)
    const ours = llhttp('request', [bytes])
    const heads = ours.messages
      .filter((message) => message.headComplete)
      .map(({ method, target }) => ({ method, target }))
    if (theirs.error === undefined) accepted++
    else refused++
    // node:http looks at the first request only until its answer has gone; of later ones it may tell less.
    const same =
      JSON.stringify(heads[0]) === JSON.stringify(theirs.requests[0]) &&
      (theirs.error === undefined || ours.error !== undefined)
    if (!same)
      wrong.push(
        `#${index} ${JSON.stringify(heads)} ${ours.error}, node:http: ${JSON.stringify(theirs)} ${JSON.stringify(bytes.toString('latin1'))}`
      )
  }
  t.comment(`${accepted} accepted, ${refused} refused`)
  t.same(wrong.slice(0, 5), [])
  t.ok(accepted > COUNT / 5 && refused > COUNT / 5)
})
