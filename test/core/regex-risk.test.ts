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
    '^/a.*b.*c.*d$',
    '^/((a)|(a))+$',
    '^/\\w*\\w*\\w*\\w*x$',
    '^(a|aa)+$',
    '(x+x+)+y',
    '(a|b|ab)*c',
    '([^/]+/?)*$',
    '(.*a){12}',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '(?=(a+)+b)',
    '(a{1,30}){1,30}b',
    '^/[a-z]*[a-z0-9]*[a-z-]*x$'
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
    '^(/[a-z]+)+$',
    '^/(api|v[0-9]+)/.*$',
    '^/[^/]+/[^/]+/[^/]+/[^/]+$',
    '^/([a-z]+-)*[a-z]+$',
    '^/a{3}b{2,5}$',
    '^/(?:en|de)/.*/x$',
    '(foo|bar)*',
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
