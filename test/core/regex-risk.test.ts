import t from 'tap'
import { regexRisk } from '../../src/core/regex-risk.ts'

t.test('expressions that can take exponential time are pointed out', async (t) => {
  for (const bad of [
    '(a+)+$',
    '^/(\\w+\\s?)*$',
    '([a-z]*)*',
    '(a|a)*b',
    '(?:x+)*',
    '((ab)+c?)+',
    '(.|a)+x',
    '(a{2,})+',
    '(?<n>a*)+',
    '(\\w|\\d)+$',
    '([a-z]|[a-c])*x',
    '^/a.*b.*c.*d$'
  ]) {
    t.type(regexRisk(bad), 'string', bad)
  }
  for (const good of [
    '^/brew/[0-9]+$',
    '\\.(png|jpg)$',
    '^/a/(b|c)*$',
    '^/(v[0-9]+)/x',
    '(a+)?b',
    '[(a+)+]',
    '\\(a+\\)+',
    '^/a{1,3}/(b+){2}',
    '',
    '(en|de|fr)+',
    '(.|\\n)+x',
    '^/.*/x/.*$',
    '^/\\.+a\\.+b\\.+c$',
    '(',
    ')'
  ]) {
    t.equal(regexRisk(good), undefined, good)
  }
})
