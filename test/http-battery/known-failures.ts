/** Cases of the battery that fail so far, and what is to be fixed. The list is meant to be empty. */
const KNOWN: readonly [names: RegExp, reason: string][] = [
  [/^TE with a tab after$/, 'src/l7/http1: llhttp takes the tab for a part of the value and refuses it'],
  [/in the trailers$/, 'src/l7/http1: framing fields may not stand in trailers (RFC 9110 §6.5.1)'],
  [
    /^(target (?!.*#).*|POST \*)$/,
    'src/l7: a target without a known form is a malformed request line: 400 and close'
  ]
]

export function knownFailure(name: string): string | undefined {
  return KNOWN.find(([names]) => names.test(name))?.[1]
}
