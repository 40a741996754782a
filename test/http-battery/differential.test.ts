import t, { type Test } from 'tap'
import { compare, type Comparison } from './compare.ts'
import { generateRequest, generateResponse } from './generate.ts'
import { llhttp } from './llhttp.ts'
import { KNOWN_DIFFERENCES, showsKnownDifference } from './known-differences.ts'
import { ourRequests, ourResponses, type OurResult } from './our-parser.ts'

/** LB_DIFFERENTIAL=120000 for more. */
const COUNT = Number(process.env.LB_DIFFERENTIAL ?? 60_000)
const FIRST = Number(process.env.LB_DIFFERENTIAL_FIRST ?? 0)

interface Tally {
  readonly wrong: string[]
  readonly stricter: Map<string, number>
  same: number
  accepted: number
}

function runAll(each: (index: number) => { comparison: Comparison; ours: OurResult; bytes: Buffer }): Tally {
  const tally: Tally = { wrong: [], stricter: new Map(), same: 0, accepted: 0 }
  for (let index = FIRST; index < FIRST + COUNT; index++) {
    const { comparison, ours, bytes } = each(index)
    if (ours.messages.some((message) => message.complete)) tally.accepted++
    if (comparison.kind === 'same') tally.same++
    else if (comparison.kind === 'stricter')
      tally.stricter.set(comparison.reason, (tally.stricter.get(comparison.reason) ?? 0) + 1)
    else if (!showsKnownDifference(bytes) && tally.wrong.length < 20)
      tally.wrong.push(`#${index} ${comparison.what}\n    ${JSON.stringify(bytes.toString('latin1'))}`)
  }
  return tally
}

function report(t: Test, tally: Tally): void {
  const reasons = [...tally.stricter]
    .sort((a, b) => b[1] - a[1])
    .map(([reason, count]) => `${count} ${reason}`)
  t.comment(
    `${COUNT} messages: ${tally.accepted} accepted, ${tally.same} alike, stricter: ${reasons.join('; ')}`
  )
  t.same(tally.wrong, [])
  t.ok(tally.accepted > COUNT / 5, 'the generator makes enough that is valid')
}

t.test('no request that llhttp refuses is accepted, and what both accept is read alike', async (t) => {
  const tally = runAll((index) => {
    const bytes = generateRequest(index)
    const ours = ourRequests([bytes])
    return { comparison: compare(ours, llhttp('request', [bytes])), ours, bytes }
  })
  report(t, tally)
})

t.test('no response that llhttp refuses is accepted, and what both accept is read alike', async (t) => {
  const tally = runAll((index) => {
    const bytes = generateResponse(index)
    const toHead = index % 16 === 0
    const ours = ourResponses([bytes], toHead)
    return { comparison: compare(ours, llhttp('response', [bytes], { head: toHead })), ours, bytes }
  })
  report(t, tally)
})

t.test('every split of the bytes is read as the whole', async (t) => {
  const wrong: string[] = []
  for (let index = FIRST; index < FIRST + COUNT / 50; index++) {
    for (const [bytes, read] of [
      [generateRequest(index), ourRequests],
      [generateResponse(index), (pieces: readonly Uint8Array[]) => ourResponses(pieces, false)]
    ] as const) {
      const whole = JSON.stringify(read([bytes]))
      const single = JSON.stringify(read([...bytes].map((byte) => Buffer.of(byte))))
      if (single !== whole)
        wrong.push(
          `#${index} byte by byte: ${single}, whole: ${whole} ${JSON.stringify(bytes.toString('latin1'))}`
        )
      for (let at = 1; at < bytes.length; at++) {
        const split = JSON.stringify(read([bytes.subarray(0, at), bytes.subarray(at)]))
        if (split !== whole)
          wrong.push(
            `#${index} split at ${at}: ${split}, whole: ${whole} ${JSON.stringify(bytes.toString('latin1'))}`
          )
      }
    }
  }
  t.same(wrong.slice(0, 10), [])
})

for (const { name, type, example } of KNOWN_DIFFERENCES) {
  t.test(name, async (t) => {
    const bytes = [Buffer.from(example, 'latin1')]
    const ours = type === 'request' ? ourRequests(bytes) : ourResponses(bytes, false)
    t.not(compare(ours, llhttp(type, bytes)).kind, 'wrong')
  })
}
